import { existsSync, writeFileSync } from 'node:fs'
import { Command } from 'commander'
import { MemoryHub } from '../bus/memory.ts'
import { messageOf, OpError, TransportError, UsageError } from '../core/errors.ts'
import { pause } from '../core/pause.ts'
import { type Exchange, tapExchanges } from '../instrument/transport/trace.ts'
import { caller } from '../runtime/client.ts'
import { newIdentity } from '../runtime/identity.ts'
import { runAgent } from '../runtime/run-agent.ts'
import { type AgentFlags, argumentError, findRole } from './agent.ts'
import { checkArguments } from './check-arguments.ts'
import type { Context } from './context.ts'
import { createLog } from './log.ts'
import { siteFlags } from './site.ts'
import { version } from './version.ts'

interface RecordFlags extends AgentFlags {
  readonly output: string
  readonly seconds: string
  readonly task: readonly string[]
  readonly force?: boolean
}

/** `ocs record ls240 -o dialog.yaml`: turns the conversation with a real instrument into a fixture for `replay:`. */
export function recordCommand(context: Context): Command {
  const command = new Command('record')
    .description('Write down what an instance and its instrument say to each other, to be replayed.')
    .argument('<instance>', 'which instance of the site file; its agent must not run at the same time')
    .requiredOption('-o, --output <file>', 'the dialog to write: a YAML map of command to reply')
    .option('--seconds <n>', 'how long to listen after the instrument is there', '10')
    .option(
      '--task <words>',
      'a task to run as well: its name, and parameters as JSON; again and again',
      (text: string, before: readonly string[]) => [...before, text],
      [] as readonly string[],
    )
    .option('--force', 'overwrite the file')
    .option('--module <file>', 'a module that declares the agent, in place of a bundled one')
  return siteFlags(command)
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText(
      'after',
      '\nFlags of the agent may be added: ocs record ls240 -o dialog.yaml --port=/dev/ttyUSB0',
    )
    .action((instance: string, flags: RecordFlags, self: Command) =>
      record({ ...flags, instanceId: instance }, self.args.slice(1), context),
    )
}

async function record(flags: RecordFlags, given: readonly string[], context: Context): Promise<void> {
  const patience = Number(flags.seconds)
  if (!(patience > 0)) throw new UsageError(`--seconds ${flags.seconds}: give a number of seconds`)
  if (existsSync(flags.output) && !flags.force)
    throw new UsageError(`${flags.output} is there already: choose another file, or pass --force`)
  const tasks = flags.task.map(parseTask)
  const log = createLog(context, flags.logFormat ?? 'text')
  const { agent, instance, chosen } = await findRole(flags, context)
  const { faults, values } = checkArguments(agent, instance.arguments, given, context.env)
  if (faults.length > 0 || !values) throw argumentError(instance.instance_id, faults)

  const dialog = new Map<string, (string | null)[]>()
  using _tap = tapExchanges(({ command, reply }: Exchange) => {
    // One that failed may come another time.
    if (reply instanceof Error) return
    const replies = dialog.get(command)
    if (replies) replies.push(reply)
    else dialog.set(command, [reply])
  })
  const hub = new MemoryHub()
  const { root } = chosen
  const running = await runAgent({
    agent,
    args: values,
    identity: newIdentity({
      root,
      instance: instance.instance_id,
      agentClass: agent.spec.class,
      version,
    }),
    bus: hub.connect(instance.instance_id),
    log,
  })
  try {
    const ask = await caller(hub.connect('record'), root)
    for (const { op, params } of tasks) {
      const { status, msg } = await ask.request(instance.instance_id, op, 'start', params)
      if (status !== 0) throw new OpError(`${op}: ${msg}`)
      await ask.request(instance.instance_id, op, 'wait', {}, 600)
    }
    await pause(1000 * patience, context.signal)
  } finally {
    await running.stop()
  }
  if (dialog.size === 0)
    throw new TransportError(
      `${instance.instance_id}: nothing was said in ${patience} s, so nothing is written`,
    )
  const set = new Set([...dialog.keys()].filter((command) => !command.includes('?')).map(wordOf))
  const lines = [...dialog].map(([command, replies]) => {
    const changed = set.has(wordOf(command)) && replies.some((reply) => reply !== replies[0])
    // Of what was set all replies, in turn. Else the first stands for all: what was read together fits together.
    const reply = changed ? replies : (replies.find((one) => one !== null) ?? null)
    return `${JSON.stringify(command)}: ${JSON.stringify(reply)}\n`
  })
  writeFileSync(flags.output, `# ${agent.spec.class}: what was said by ocs record.\n${lines.join('')}`)
  log(`${flags.output}: ${dialog.size} commands with their replies; play them with replay:${flags.output}`)
}

/** What is asked or set: `INTYPE` of `INTYPE? B` and `INTYPE B,5`. */
function wordOf(command: string): string {
  return /^[^?\s]*/.exec(command)?.[0] ?? ''
}

function parseTask(text: string): { op: string; params: Record<string, unknown> } {
  const [, op = '', json] = /^\s*(\S+)\s*(.*)$/s.exec(text) ?? []
  try {
    return { op, params: json ? (JSON.parse(json) as Record<string, unknown>) : {} }
  } catch (error) {
    throw new UsageError(`--task ${text}: the parameters are not JSON: ${messageOf(error)}`)
  }
}
