import { existsSync, writeFileSync } from 'node:fs'
import { MemoryHub } from '../bus/memory.ts'
import type { Agent } from '../core/agent.ts'
import { counted } from '../core/counted.ts'
import { OpError, TransportError, UsageError } from '../core/errors.ts'
import { pause } from '../core/pause.ts'
import { type Exchange, tapExchanges } from '../instrument/transport/trace.ts'
import { caller } from '../lab/request-client.ts'
import { newIdentity } from '../runtime/identity.ts'
import { runAgent } from '../runtime/run-agent.ts'
import type { Log } from '../terminal/log.ts'
import { version } from './version.ts'

/** What to record. */
export interface RecordDialog {
  readonly agent: Agent
  /** Its arguments, checked. */
  readonly args: unknown
  readonly root: string
  readonly instance: string
  /** Tasks to run as well. */
  readonly tasks: readonly { readonly op: string; readonly params: Readonly<Record<string, unknown>> }[]
  /** How long to listen, s. */
  readonly seconds: number
  readonly file: string
  readonly signal: AbortSignal
  readonly log: Log
}

/** @throws UsageError for an existing file that must not be overwritten */
export function mustBeNew(file: string, force = false): void {
  if (existsSync(file) && !force)
    throw new UsageError(`${file} already exists: choose another file, or pass --force`)
}

/**
 * Runs an agent by itself and writes its dialog with the instrument, a YAML map of command to reply.
 * @throws OpError when a task is refused, TransportError when there was no exchange; nothing is written then
 */
export async function recordDialog(wanted: RecordDialog): Promise<void> {
  const { agent, args, root, instance, tasks, seconds, file, signal, log } = wanted
  const dialog = new Map<string, (string | null)[]>()
  using _tap = tapExchanges(({ command, reply }: Exchange) => {
    // An exchange that failed may succeed another time.
    if (reply instanceof Error) return
    const replies = dialog.get(command)
    if (replies) replies.push(reply)
    else dialog.set(command, [reply])
  })
  const hub = new MemoryHub()
  const running = await runAgent({
    agent,
    args,
    identity: newIdentity({
      root,
      instance,
      agentClass: agent.spec.class,
      version,
    }),
    bus: hub.connect(instance),
    log,
  })
  try {
    const ask = await caller(hub.connect('record'), root)
    for (const { op, params } of tasks) {
      const { status, msg } = await ask.request(instance, op, 'start', params)
      if (status !== 0) throw new OpError(`${op}: ${msg}`)
      await ask.request(instance, op, 'wait', {}, 600)
    }
    await pause(1000 * seconds, signal)
  } finally {
    await running.stop()
  }
  if (dialog.size === 0)
    throw new TransportError(`${instance}: no exchange in ${seconds} s, so nothing is written`)
  const set = new Set([...dialog.keys()].filter((command) => !command.includes('?')).map(wordOf))
  const lines = [...dialog].map(([command, replies]) => {
    const changed = set.has(wordOf(command)) && replies.some((reply) => reply !== replies[0])
    // For a value that was set, all replies, in turn. Otherwise the first reply stands for all: values read
    // together fit together.
    const reply = changed ? replies : (replies.find((one) => one !== null) ?? null)
    return `${JSON.stringify(command)}: ${JSON.stringify(reply)}\n`
  })
  writeFileSync(file, `# ${agent.spec.class}: recorded by ocs record.\n${lines.join('')}`)
  log(
    `${file}: ${counted(dialog.size, 'command with its replies', 'commands with their replies')}; replay them with replay:${file}`,
  )
}

/** The subject of a command: `INTYPE` of `INTYPE? B` and `INTYPE B,5`. */
function wordOf(command: string): string {
  return /^[^?\s]*/.exec(command)?.[0] ?? ''
}
