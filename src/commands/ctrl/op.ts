import { Command } from 'commander'
import { paramsOf } from '../../core/arguments/parameter-flags.ts'
import { secondsOf } from '../../core/arguments/time-units.ts'
import { OpError, TransportError, UsageError } from '../../core/errors.ts'
import type { Outcome } from '../../core/ops.ts'
import { type Action, type OpSession, ResponseCode } from '../../core/ops.ts'
import { RECORD } from '../../core/recording/recording.ts'
import type { SiteOptions } from '../../launch/choose-site.ts'
import {
  type Controlled,
  knownInstance,
  knownOp,
  runningInstance,
  type WithLab,
} from '../../launch/join-lab.ts'
import type { Context } from '../../terminal/context.ts'
import { examples } from '../help.ts'
import { labFlags } from '../site-flags.ts'
import { apiHelp, opHelp } from './op-help.ts'
import { startAcquisition, stopAcquisition } from './start.ts'
import { ending, waitForEnd } from './wait.ts'

interface OpFlags extends SiteOptions {
  readonly target?: string[]
  readonly aggregator?: string
  readonly all?: boolean
  readonly json?: boolean
  readonly wait?: boolean
  readonly timeout?: string
  readonly help?: boolean
}
/** A request to one operation, followed by its parameters. */
export type OpAction = Exclude<Action, 'status'>

/** Seconds that a timer can wait, about. */
const LONGEST_S = 2_000_000

const given: Readonly<Record<OpAction, readonly string[]>> = {
  start: [
    'ocs ctrl start',
    'ocs ctrl start --target=ls240',
    'ocs ctrl start ls240 set_values --channel=1 --wait',
    'ocs ctrl start ls240 set_values --help',
  ],
  stop: ['ocs ctrl stop --target=ls240', 'ocs ctrl stop --all', 'ocs ctrl stop ls240 acq --wait'],
  abort: ['ocs ctrl abort ls240 upload_cal_curve'],
  wait: ['ocs ctrl wait ls240 upload_cal_curve --timeout=10min'],
}
const descriptions: Readonly<Record<OpAction, string>> = {
  start: 'Start recording and acquisition; with INSTANCE OP, that operation.',
  stop: 'Stop acquisition of instruments, never the recorder; with INSTANCE OP, that process.',
  abort: 'Abort a task.',
  wait: 'Wait for the end of an operation.',
}

/** `ocs ctrl start|stop|abort|wait INSTANCE OP`; the first two also without, as OCS's first users had them. */
export function opCommand(action: OpAction, context: Context, withLab: WithLab): Command {
  const seeds = action === 'start' || action === 'stop'
  const sub = new Command(action)
    .description(descriptions[action])
    .argument(seeds ? '[instance]' : '<instance>', 'whose operation')
    .argument(
      seeds ? '[op]' : '<op>',
      action === 'start' ? 'which operation; its parameters follow as --name=value' : 'which operation',
    )
    .option('--json', 'print the answer as JSON')
    .allowUnknownOption()
    .allowExcessArguments()
  labFlags(sub)
  if (action !== 'wait') sub.option('--wait', 'wait until it ends')
  sub.option('--timeout <time>', 'how long to wait at most: seconds, or 10min, 2h')
  if (seeds)
    sub.option(
      '--target <id>',
      `the instrument; may be repeated${action === 'start' ? '; every instrument by default' : ''}`,
      collect,
    )
  if (action === 'stop') sub.option('--all', 'every instrument')
  if (action === 'start') sub.option('--aggregator <id>', 'the recorder, where there are several')
  if (action === 'start') {
    // commander's own would answer before the agent could be asked for its parameters.
    sub
      .helpOption(false)
      .option('-h, --help', 'show this text; with INSTANCE, its operations; with INSTANCE OP, its parameters')
  }
  sub.addHelpText('after', examples(...given[action]))
  return sub.action((instance: string | undefined, op: string | undefined, flags: OpFlags, self: Command) => {
    const named = instance !== undefined && !instance.startsWith('-') ? instance : undefined
    if (flags.help && named === undefined) self.help()
    const words = self.args.filter((word) => word !== '--')
    if (named === undefined) return seed(action, flags, words, context, withLab)
    const known = op === undefined || op.startsWith('-') ? undefined : op
    if (flags.help) return help(named, known, flags, context, withLab)
    if (flags.all) throw new UsageError('--all stops every instrument: do not name others')
    if (known === undefined) {
      const acquisition = `ocs ctrl ${action} --target=${named} is for its acquisition`
      throw new UsageError(
        `ocs ctrl ${action} ${named}: which operation? (ocs ctrl status ${named}; ${acquisition})`,
      )
    }
    const timeout =
      flags.timeout === undefined
        ? undefined
        : secondsOf('--timeout', flags.timeout, { zero: true, most: LONGEST_S })
    return withLab(flags, context, (on) =>
      act(on, { action, instance: named, op: known, words: words.slice(2), flags, timeout }, context),
    )
  })
}

/** The seed's control script: recorder and instruments together. */
async function seed(
  action: Action,
  flags: OpFlags,
  given: readonly string[],
  context: Context,
  withLab: WithLab,
): Promise<void> {
  if (given.length > 0)
    throw new UsageError(`ocs ctrl ${action} does not know ${given.join(' ')}: ocs ctrl ${action} --help`)
  if (flags.json || flags.wait || flags.timeout)
    throw new UsageError(`--json, --wait and --timeout are for one operation: ocs ctrl ${action} INSTANCE OP`)
  const targets = flags.target ?? []
  if (action === 'stop' && targets.length > 0 === (flags.all === true))
    throw new UsageError(
      flags.all
        ? '--all stops every instrument, --target some: give one of them'
        : 'which instruments? Name them with --target, or pass --all for every one',
    )
  await withLab(flags, context, async (on) => {
    if (action === 'start') await startAcquisition(on, targets, flags.aggregator)
    else await stopAcquisition(on, targets)
  })
}

async function help(
  instance: string,
  op: string | undefined,
  flags: OpFlags,
  context: Context,
  withLab: WithLab,
): Promise<void> {
  await withLab(flags, context, async (on) => {
    const view = await knownInstance(on, instance)
    context.out(
      op === undefined ? apiHelp(instance, view.api) : opHelp(instance, op, knownOp(instance, view, op)),
    )
  })
}

interface Asked {
  readonly action: OpAction
  readonly instance: string
  readonly op: string
  readonly words: readonly string[]
  readonly flags: OpFlags
  readonly timeout: number | undefined
}

async function act(on: Controlled, asked: Asked, context: Context): Promise<void> {
  const { action, instance, op, words, flags, timeout } = asked
  const { kind, params: schema } = knownOp(instance, await runningInstance(on, instance), op)
  if (action !== 'start' && words.length > 0)
    throw new UsageError(`ocs ctrl ${action} does not know ${words.join(' ')}: ocs ctrl ${action} --help`)
  if (action === 'stop' && op === RECORD && !flags.json)
    on.log(`${instance}: NOT RECORDING from now on: agents keep their samples until it is started again`)
  const params = action === 'start' ? paramsOf(words, schema, `${instance} ${op}`) : {}
  const outcome = await on.ask.request(instance, op, action === 'wait' ? 'status' : action, params)
  const { session } = outcome
  const waits = (action === 'wait' || flags.wait) && outcome.status === ResponseCode.OK
  const say = ({ msg }: Pick<Outcome, 'msg'>) => {
    if (!flags.json) context.out(`${msg}\n`)
  }
  if (!waits || session.session_id === undefined) {
    const idle = action === 'wait' ? { ...outcome, msg: `${instance} ${op} has not run yet` } : outcome
    if (outcome.status === ResponseCode.OK) say(idle)
    if (flags.json) context.out(`${JSON.stringify(idle)}\n`)
    refuse(asked, outcome)
    if (action === 'start' && kind === 'task' && context.terminal && !flags.json)
      context.err(
        `It is running: --wait waits for its end, ocs ctrl status ${instance} ${op} shows how it ended\n`,
      )
    return
  }
  if (action !== 'wait') say(outcome)
  const ended = await waitForEnd(on, { instance, op, kind, session: session as OpSession, timeout }, context)
  if (flags.json) {
    const how = ended.success ? 'SUCCEEDED' : 'FAILED'
    const msg = `Operation "${op}" is currently not running (${how}).`
    context.out(`${JSON.stringify({ status: ResponseCode.OK, msg, session: ended })}\n`)
  }
  say({ msg: ending(instance, op, ended) })
}

/** @throws by what the agent answered */
function refuse({ instance, op }: Asked, { status, msg }: Outcome): void {
  if (status === ResponseCode.TIMEOUT) throw new TransportError(`${instance} ${op}: ${msg}`)
  if (status !== ResponseCode.OK) throw new OpError(`${instance} ${op}: ${msg}`)
}

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value]
}
