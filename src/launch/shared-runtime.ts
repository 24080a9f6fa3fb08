import { createInterface } from 'node:readline'
import { UsageError } from '../core/errors.ts'
import { printable } from '../core/printable.ts'
import { redact } from '../core/redact.ts'
import type { Context } from '../terminal/context.ts'
import { readShared, SharedOrder, type SharedTold } from './shared-lines.ts'

interface Member {
  readonly stop: AbortController
  readonly over: Promise<void>
}

/**
 * Runs instances in this process as its input requests, each as if it were alone, with its own connection,
 * spool and log. Ends with its input, or when told to stop, once all instances have ended.
 * @param run runs a command line of `ocs` and returns its exit code
 * @throws UsageError when there is no parent at the other end
 */
export async function serveShared(
  run: (argv: readonly string[], context: Context) => Promise<number>,
  context: Context,
): Promise<void> {
  const { input, signal } = context
  if (!input || input.isTTY)
    throw new UsageError('this command is for ocs up, which controls it by its input')
  const members = new Map<string, Member>()
  const tell = (line: SharedTold) => context.out(`${JSON.stringify(line)}\n`)
  const start = (instance: string, args: readonly string[], env: Readonly<Record<string, string>>) => {
    const stop = new AbortController()
    const own: Context = {
      signal: AbortSignal.any([signal, stop.signal]),
      env: { ...context.env, ...env },
      // Readings on standard output are for a terminal.
      out: () => {},
      unseen: true,
      err: (text) => tell({ instance, log: printable(redact(text)) }),
      terminal: false,
      size: () => context.size(),
    }
    const over = run(args, own).then((code) => {
      members.delete(instance)
      tell({ instance, code })
    })
    members.set(instance, { stop, over })
  }
  const lines = createInterface({ input, crlfDelay: Infinity })
  lines.on('line', (text) => {
    const order = readShared(SharedOrder, text)
    if (!order) return
    if ('stop' in order) members.get(order.stop)?.stop.abort()
    else start(order.start, order.args, order.env)
  })
  const over = new Promise((done) => lines.once('close', done))
  signal.addEventListener('abort', () => lines.close())
  if (signal.aborted) lines.close()
  await over
  for (const { stop } of members.values()) stop.abort()
  await Promise.all([...members.values()].map((member) => member.over))
}
