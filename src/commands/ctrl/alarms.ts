import { Command } from 'commander'
import { AlarmsAnswer, type AlarmView, WATCH } from '../../core/alarms.ts'
import { secondsOf } from '../../core/arguments/time-units.ts'
import { duration } from '../../core/duration.ts'
import { OpError, TransportError, UsageError } from '../../core/errors.ts'
import { ResponseCode, toldOf } from '../../core/ops.ts'
import { oneLine } from '../../core/printable.ts'
import { whoAsks } from '../../lab/request-client.ts'
import { alarmClass } from '../../launch/agents.ts'
import type { SiteOptions } from '../../launch/choose-site.ts'
import { type Controlled, runningInstance, type WithLab } from '../../launch/join-lab.ts'
import type { Context } from '../../terminal/context.ts'
import { at, table } from '../../terminal/table.ts'
import { examples } from '../help.ts'
import { labFlags } from '../site-flags.ts'

/** Seconds that a test of an action may take: its time-out is 600 s at most. */
const TEST_SECONDS = 610
const SECONDS = 10

interface AlarmFlags extends SiteOptions {
  readonly target?: string
  readonly json?: boolean
  readonly all?: boolean
  readonly by?: string
  readonly text?: string
  readonly for?: string
}

/** `ocs ctrl alarms`: lists alarms; `ack`, `silence`, `unsilence` and `test` see to them. */
export function alarmsCommand(context: Context, withLab: WithLab): Command {
  const on = (flags: AlarmFlags, work: (on: Controlled, agent: string) => Promise<void>) =>
    withLab(flags, context, async (lab) => work(lab, await alarmAgent(lab, flags.target)))
  const act = (op: string, flags: AlarmFlags, params: Record<string, unknown>, seconds = SECONDS) =>
    on(flags, async (lab, agent) => context.out(`${await runTask(lab, agent, op, params, seconds)}\n`))
  const sub = (name: string, what: string) =>
    labFlags(new Command(name))
      .description(what)
      .option('--target <id>', 'the alarm agent, where there are several')
  const by = (flags: AlarmFlags) => ({ by: flags.by ?? whoAsks() })

  const command = sub('alarms', 'Show raised alarms; acknowledge and silence them.')
    .option('--all', 'clear and pending ones, too')
    .option('--json', 'print all of them as JSON')
    .addHelpText(
      'after',
      examples('ocs ctrl alarms', 'ocs ctrl alarms --all', 'ocs ctrl alarms silence all --for=10min'),
    )
    .action((flags: AlarmFlags) =>
      on(flags, async (lab, agent) => {
        const { alarms } = AlarmsAnswer.parse(await lab.ask.query(agent, 'alarms', {}))
        if (flags.json) context.out(`${JSON.stringify(alarms)}\n`)
        else context.out(listText(alarms, flags.all === true, Date.now() / 1000))
      }),
    )
  command.addCommand(
    sub('ack', 'Acknowledge an alarm: no more calls for it.')
      .argument('<alarm>', 'its name, the name of its rule, or all')
      .option('--text <what>', 'what is being done about it')
      .option('--by <who>', 'who you are, for others to read; your account and machine by default')
      .addHelpText('after', examples('ocs ctrl alarms ack plate_warm --text="the pump is back"'))
      .action((alarm: string, _: AlarmFlags, self: Command) => {
        const flags = flagsOf(self)
        return act('acknowledge', flags, {
          alarm,
          ...by(flags),
          ...(flags.text !== undefined && { text: flags.text }),
        })
      }),
  )
  command.addCommand(
    sub('silence', 'Make no calls for a while.')
      .argument('<alarm>', 'its name, the name of its rule, or all')
      .option('--for <time>', 'how long: seconds, or 10min, 2h', '1h')
      .option('--by <who>', 'who you are, for others to read; your account and machine by default')
      .addHelpText('after', examples('ocs ctrl alarms silence plate_warm --for=2h'))
      .action((alarm: string, _: AlarmFlags, self: Command) => {
        const flags = flagsOf(self)
        const seconds = secondsOf('--for', flags.for ?? '')
        return act('silence', flags, { alarm, seconds, ...by(flags) })
      }),
  )
  command.addCommand(
    sub('unsilence', 'Call people again.')
      .argument('<alarm>', 'the name that was silenced; all for every one')
      .option('--by <who>', 'who you are, for others to read; your account and machine by default')
      .addHelpText('after', examples('ocs ctrl alarms unsilence plate_warm'))
      .action((alarm: string, _: AlarmFlags, self: Command) => {
        const flags = flagsOf(self)
        return act('unsilence', flags, { alarm, ...by(flags) })
      }),
  )
  command.addCommand(
    sub('test', 'Run an action once, with a test message.')
      .argument('<action>', 'its name in the site file')
      .addHelpText('after', examples('ocs ctrl alarms test chat'))
      .action((action: string, _: AlarmFlags, self: Command) =>
        act('test_action', flagsOf(self), { action }, TEST_SECONDS),
      ),
  )
  return command
}

/** The flags of a command, including those before its name: `ocs ctrl alarms --target=x ack warm`. */
function flagsOf(command: Command): AlarmFlags {
  const given = (of: Command | null) =>
    Object.fromEntries(
      Object.entries(of?.opts() ?? {}).filter(([name]) => of?.getOptionValueSource(name) !== 'default'),
    )
  return { ...command.opts(), ...given(command.parent), ...given(command) }
}

/** The alarm agent of a lab. @throws TransportError when none runs; UsageError when there are several */
async function alarmAgent(on: Controlled, target: string | undefined): Promise<string> {
  if (target !== undefined) {
    await runningInstance(on, target)
    return target
  }
  const all = [...on.lab.instances].filter(([, { api }]) => api?.queries[WATCH.query] !== undefined)
  const online = all.filter(([, { state }]) => state === 'online').map(([name]) => name)
  const [only] = online
  if (online.length > 1)
    throw new UsageError(`there are several alarm agents: name one with --target (${online.join(', ')})`)
  if (only !== undefined) return only
  const [gone] = all
  throw new TransportError(
    gone
      ? `${gone[0]} is ${gone[1].state}: start it with ocs agent --instance-id=${gone[0]}`
      : `no alarm agent runs: give the site file an instance of agent-class ${alarmClass}, and start it`,
  )
}

/** Runs a task to its end. @returns its message; @throws OpError with the reason of its failure */
async function runTask(
  { ask }: Controlled,
  agent: string,
  op: string,
  params: Record<string, unknown>,
  seconds: number,
): Promise<string> {
  const started = await ask.request(agent, op, 'start', params)
  if (started.status !== ResponseCode.OK) throw new OpError(`${agent} ${op}: ${started.msg}`)
  const { status, msg, session } = await ask.request(agent, op, 'wait', {}, seconds)
  if (status !== ResponseCode.OK) throw new TransportError(`${agent} ${op}: ${msg}`)
  const said = toldOf(session) || msg
  if (session.success) return said
  throw new OpError(said)
}

function listText(alarms: readonly AlarmView[], all: boolean, now: number): string {
  const shown = alarms.filter(({ state }) => all || state === 'active' || state === 'latched')
  if (shown.length === 0) return `no alarm is raised; alarms watched: ${alarms.length}\n`
  const rows = shown.map(({ name, severity, state, since, text, acknowledged, silenced_until: until }) => [
    name,
    state === 'clear' || state === 'pending' ? '' : severity,
    acknowledged ? `${state}, acknowledged` : state,
    since === null ? '' : duration(now - since),
    [
      oneLine(text),
      acknowledged && `(${oneLine([acknowledged.by, acknowledged.text].filter(Boolean).join(': '))})`,
      until !== null && `(silenced until ${at(until)})`,
    ]
      .filter(Boolean)
      .join(' '),
  ])
  return table([['ALARM', 'SEVERITY', 'STATE', 'FOR', 'WHAT'], ...rows])
}
