import { Command } from 'commander'
import { channels } from '../core/channels.ts'
import { UsageError } from '../core/errors.ts'
import { pause } from '../core/pause.ts'
import { redact, redactedJson } from '../core/redact.ts'
import { findUp, isAlive } from '../host/up-state.ts'
import { LabMeters } from '../lab/lab-meters.ts'
import { type LabStatus, labStatus, type StatusSources } from '../lab/lab-status.ts'
import type { SiteOptions } from '../launch/choose-site.ts'
import { SiteStatuses } from '../launch/connect-sites.ts'
import { expectedOf } from '../launch/declared-instances.ts'
import { type Controlled, joinLab } from '../launch/join-lab.ts'
import type { Context } from '../terminal/context.ts'
import { Redraw } from '../terminal/redraw.ts'
import { statusScreen } from '../terminal/status-screen.ts'
import { examples } from './help.ts'
import { labFlags, withFlags } from './site-flags.ts'

interface StatusFlags extends SiteOptions {
  readonly watch?: boolean
  readonly json?: boolean
  readonly stateDir?: string
}

/** Milliseconds that samples are counted for before the first figures, and between two. */
const COUNT_MS = 2000
const EVERY_MS = 1000

/** `ocs status`: the whole lab on one screen. */
export function statusCommand(context: Context): Command {
  const command = new Command('status').description('Show the whole lab on one screen.')
  return withFlags(labFlags(command), '--state-dir')
    .option('-w, --watch', 'update once a second, until Ctrl-C')
    .option('--json', 'print as JSON, one line each time')
    .addHelpText(
      'after',
      examples(
        'ocs status',
        'ocs status --watch',
        'ocs status --site-hub=mqtts://hub.example.edu:8883 --json',
      ),
    )
    .action((flags: StatusFlags) => {
      if (flags.watch && !flags.json && !context.terminal)
        throw new UsageError('--watch needs a terminal: elsewhere add --json, which prints a line a second')
      return joinLab(flags, context, (on) => show(on, flags, context))
    })
}

async function show(on: Controlled, flags: StatusFlags, context: Context): Promise<void> {
  await using meters = await LabMeters.open(on.bus, on.root)
  const expected = (await expectedOf(on.site, context.env)).map(({ instance }) => instance)
  let insecure = false
  await using _ = await on.bus.subscribe(channels.hub, { root: on.root }, (hub) => {
    insecure = hub.insecure === true
  })
  await using others = await SiteStatuses.open(on.site, on.log)
  const now = (): LabStatus & { readonly sites?: Readonly<Record<string, LabStatus>> } => {
    const hub = { url: on.url, connected: on.bus.connected, ...(insecure && { insecure }) }
    const own = labStatus(on.lab, meters, { hub, expected, up: upRoles(flags, context) })
    return others.isEmpty ? own : { ...own, sites: others.now() }
  }
  const screenOf = (columns: number, rows?: number): string[] => {
    const { sites = {}, ...own } = now()
    const each = rows === undefined ? undefined : Math.floor(rows / (1 + Object.keys(sites).length))
    const parts = Object.entries(sites).flatMap(([name, status]) => [
      `SITE ${name}`,
      ...statusScreen(status, columns, each && each - 1),
    ])
    return [...statusScreen(own, columns, each), ...parts]
  }
  const screen = new Redraw(context)
  await pause(COUNT_MS, context.signal)
  const { columns } = context.size()
  if (flags.watch !== true) {
    context.out(flags.json ? `${redactedJson(now())}\n` : redact(`${screenOf(columns).join('\n')}\n`))
    return
  }
  while (!context.signal.aborted && !context.unread?.aborted) {
    const { columns: width, rows } = context.size()
    if (flags.json) context.out(`${redactedJson(now())}\n`)
    else screen.draw(screenOf(width, rows).map(redact))
    await pause(EVERY_MS, context.signal)
  }
}

/** What `ocs up` runs on this machine, if it runs. */
function upRoles(flags: StatusFlags, context: Context): StatusSources['up'] {
  try {
    const { state } = findUp(flags, context)
    if (!isAlive(state)) return []
    const leftOut = state.left_out.map((one) => ({
      ...one,
      state: 'left out' as const,
      restarts: 0,
      since: state.started,
    }))
    return [...state.roles, ...leftOut]
  } catch {
    return []
  }
}
