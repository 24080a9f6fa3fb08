import { Command } from 'commander'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import { messageOf, OpError, UsageError } from '../core/errors.ts'
import { type Action, ResponseCode } from '../core/ops.ts'
import { caller } from '../runtime/client.ts'
import { viewLab } from '../runtime/lab-view.ts'
import type { Site } from '../site/site.ts'
import { findAgent } from './agents.ts'
import type { Context } from './context.ts'
import { type Controlled, startAcquisition, stopAcquisition } from './ctrl-start.ts'
import { statusJson, statusTable } from './ctrl-status.ts'
import { createLog } from './log.ts'
import { paramsOf } from './params.ts'
import { chooseSite, type SiteOptions, siteFlags } from './site.ts'

/** Seconds the hub has to answer a command. */
const HUB_SECONDS = 5
/** What `--param=value` after an operation may be given to. */
const ACTIONS = ['start', 'stop', 'abort', 'wait'] as const

interface CtrlFlags extends SiteOptions {
  readonly target?: string[]
  readonly aggregator?: string
  readonly json?: boolean
  readonly timeout?: string
}

/** `ocs ctrl`: starts, stops and asks operations of running agents. */
export function ctrlCommand(context: Context): Command {
  const command = new Command('ctrl').description('Control running agents.')
  for (const action of ACTIONS) {
    const seeds = action === 'start' || action === 'stop'
    const sub = siteFlags(command.command(action).description(describe(action)))
      .argument(seeds ? '[instance]' : '<instance>', 'whose operation')
      .argument(seeds ? '[op]' : '<op>', 'which operation; its parameters follow as --name=value')
      .option('--json', 'print the answer as JSON')
      .allowUnknownOption()
      .allowExcessArguments()
    if (seeds)
      sub.option('--target <id>', 'the instrument; may be repeated; every instrument by default', collect)
    if (action === 'start') sub.option('--aggregator <id>', 'the recorder, where there are several')
    if (action === 'wait') sub.option('--timeout <s>', 'seconds to wait at most', '86400')
    sub.action((instance: string | undefined, op: string | undefined, flags: CtrlFlags, self: Command) =>
      instance?.startsWith('-') || instance === undefined
        ? seed(action, flags, self.args, context)
        : act(action, instance, op, self.args.slice(2), flags, context),
    )
  }
  siteFlags(command.command('status').description('What every agent is doing.'))
    .argument('[instance]', 'only this one')
    .option('--json', 'print as JSON')
    .action((instance: string | undefined, flags: CtrlFlags) => status(instance, flags, context))
  return command
}

function describe(action: (typeof ACTIONS)[number]): string {
  const seeds = {
    start: 'Start recording and acquisition; with INSTANCE OP, that operation.',
    stop: 'Stop acquisition, never the recorder; with INSTANCE OP, that process.',
  }
  return action === 'start' || action === 'stop'
    ? seeds[action]
    : `${action === 'wait' ? 'Wait for the end of' : 'Abort'} an operation.`
}

/** The seed's control script: recorder and instruments together. */
async function seed(
  action: Action,
  flags: CtrlFlags,
  given: readonly string[],
  context: Context,
): Promise<void> {
  if (given.length > 0)
    throw new UsageError(`ocs ctrl ${action} does not know ${given.join(' ')}: ocs ctrl ${action} --help`)
  await withLab(flags, context, async (on) => {
    const targets = flags.target ?? []
    if (action === 'start') await startAcquisition(on, targets, flags.aggregator)
    else await stopAcquisition(on, targets)
  })
}

async function act(
  action: Action,
  instance: string,
  op: string | undefined,
  given: readonly string[],
  flags: CtrlFlags,
  context: Context,
): Promise<void> {
  if (op === undefined)
    throw new UsageError(`ocs ctrl ${action} ${instance}: which operation? (ocs ctrl status ${instance})`)
  await withLab(flags, context, async ({ ask, lab }) => {
    const api = lab.instances.get(instance)?.api
    const params = paramsOf(given, api?.ops[op]?.params)
    const outcome = await ask.request(instance, op, action, params, Number(flags.timeout ?? 5))
    context.out(flags.json ? `${JSON.stringify(outcome)}\n` : `${outcome.msg}\n`)
    if (outcome.status !== ResponseCode.OK) throw new OpError(`${instance} ${op}: ${outcome.msg}`)
    if (action === 'wait' && 'success' in outcome.session && outcome.session.success === false) {
      throw new OpError(`${instance} ${op} failed: ${outcome.session.messages.at(-2)?.[1] ?? ''}`)
    }
  })
}

async function status(instance: string | undefined, flags: CtrlFlags, context: Context): Promise<void> {
  await withLab(
    flags,
    context,
    async ({ lab, expected }) => {
      if (instance !== undefined && !lab.instances.has(instance)) {
        throw new OpError(
          `no agent "${instance}" is known (there are: ${[...lab.instances.keys()].join(', ') || 'none'})`,
        )
      }
      context.out(
        flags.json ? `${JSON.stringify(statusJson(lab, instance))}\n` : statusTable(lab, expected, instance),
      )
    },
    true,
  )
}

async function withLab(
  flags: CtrlFlags,
  context: Context,
  work: (on: Controlled) => Promise<void>,
  quiet = false,
): Promise<void> {
  const log = createLog(context, flags.logFormat ?? 'text')
  const { url, root, realm, site, recorders } = await chooseSite(flags, context, quiet ? () => {} : log)
  const client = `ctrl-${crypto.randomUUID().slice(0, 8)}`
  await using bus = connectMqtt({
    url,
    client,
    onBad: (topic, why) => log(`${topic}: left out: ${messageOf(why)}`),
  })
  await reached(bus, url, HUB_SECONDS)
  if (!quiet) {
    log('transport connected')
    log(`session joined: ${client} (realm ${realm}, address root ${root})`)
  }
  await using lab = await viewLab(bus, root)
  await using ask = await caller(bus, root)
  await lab.settled()
  await work({ bus, root, lab, ask, log, recorders, expected: site && (await instrumentsOf(site)) })
}

/** Instances of a site file that are expected to acquire; of a class that is not known here, nobody can say. */
async function instrumentsOf(site: Site): Promise<string[]> {
  const instances = [...site.hosts.values()].flatMap((host) => host.instances)
  const acquire = await Promise.all(
    instances.map(async ({ agent_class = '' }) => {
      const agent = await findAgent(agent_class).catch(() => undefined)
      return agent !== undefined && 'acq' in agent.ops
    }),
  )
  return instances.filter((_, at) => acquire[at]).map(({ instance_id }) => instance_id)
}

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value]
}
