import { Command } from 'commander'
import { statePath } from '../machine/state-path.ts'
import { findSpool, type SpoolPlace } from '../runtime/spool/spool-files.ts'
import { lookAtSpool, type SpoolLook } from '../runtime/spool/spool-look.ts'
import { type OpenedSpool, openedSpools, rowsOf, spoolSummary } from '../runtime/spool/spool-summary.ts'
import type { Context } from '../terminal/context.ts'
import { at, table } from '../terminal/table.ts'
import { examples } from './help.ts'
import { drainCommand } from './spool/drain.ts'
import { trustCommand } from './spool/trust.ts'

interface Flags {
  readonly stateDir?: string
  readonly json?: boolean
}

/** Printed for stopped agents with unacknowledged rows: the recorder may have written them at its own end. */
const UNTOLD =
  'A stopped agent may not know that its last rows are recorded: run "ocs audit" on the data directory.'

/** `ocs spool`: what agents of this machine keep until it is recorded. */
export function spoolCommand(context: Context): Command {
  const command = new Command('spool')
    .description('Samples on this machine that are not recorded yet.')
    .addHelpText('after', examples('ocs spool ls', 'ocs spool show ls240'))
  command
    .command('ls')
    .description('List the spools of a state folder, and how much of each is not recorded.')
    .option('--state-dir <folder>', 'the folder of spools and sessions')
    .option('--json', 'print as JSON')
    .addHelpText('after', examples('ocs spool ls', 'ocs spool ls --state-dir=.demo/state --json'))
    .action((flags: Flags) => {
      const state = statePath(flags.stateDir, context.env)
      const found = openedSpools(state)
      if (flags.json) context.out(`${JSON.stringify(found.map(spoolSummary))}\n`)
      else context.out(found.length === 0 ? `no spools in ${state}\n` : listOf(found))
    })
  command
    .command('show')
    .description(
      'Show one spool, one line per epoch. An epoch begins when the agent starts or its feed changes.',
    )
    .argument('<instance>', 'instance-id, or ROOT.INSTANCE where several sites share the folder')
    .option('--state-dir <folder>', 'the folder of spools and sessions')
    .option('--json', 'print as JSON')
    .addHelpText('after', examples('ocs spool show ls240'))
    .action((name: string, flags: Flags) => {
      const place = findSpool(statePath(flags.stateDir, context.env), name)
      const look = lookAtSpool(place.file)
      context.out(flags.json ? `${JSON.stringify({ ...place, ...look })}\n` : report(place, look))
    })
  return command.addCommand(drainCommand(context)).addCommand(trustCommand(context))
}

function listOf(found: readonly OpenedSpool[]): string {
  const rows = found.map((one) => {
    const { root, instance, rows, unrecorded, oldest, newest, bytes, problem } = spoolSummary(one)
    const name = `${root}.${instance}`
    if (problem !== undefined) return [name, 'unreadable', '', '', '', '', String(problem)]
    const state = 'look' in one && one.look.in_use ? 'in use' : 'at rest'
    return [
      name,
      state,
      String(rows),
      String(unrecorded),
      time(oldest),
      time(newest),
      mebibytes(Number(bytes)),
    ]
  })
  const list = table([['SPOOL', 'STATE', 'ROWS', 'NOT RECORDED', 'OLDEST', 'NEWEST', 'SIZE'], ...rows])
  const untold = found.some(
    (one) => 'look' in one && !one.look.in_use && one.look.epochs.some(({ unrecorded }) => unrecorded > 0),
  )
  return untold ? `${list}${UNTOLD}\n` : list
}

function report({ root, instance, file }: SpoolPlace, { bytes, in_use, epochs }: SpoolLook): string {
  const rows = epochs.map((epoch) => [
    epoch.feed,
    epoch.epoch,
    String(rowsOf(epoch)),
    String(epoch.unrecorded),
    time(epoch.oldest),
    time(epoch.newest),
  ])
  const state = in_use ? 'in use by its agent, or being drained' : 'at rest'
  const head = `${root}.${instance}: ${file}, ${mebibytes(bytes)}, ${state}\n`
  return `${head}\n${table([['FEED', 'EPOCH', 'ROWS', 'NOT RECORDED', 'OLDEST', 'NEWEST'], ...rows])}`
}

function time(seconds: unknown): string {
  return typeof seconds === 'number' ? at(seconds) : '-'
}

function mebibytes(bytes: number): string {
  return `${(bytes / (1 << 20)).toFixed(1)} MiB`
}
