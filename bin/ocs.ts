import { run } from '../src/commands/program.ts'
import { printable } from '../src/core/printable.ts'
import { redact } from '../src/core/redact.ts'
import { isNull } from '../src/machine/null-device.ts'

const stop = new AbortController()
const unread = new AbortController()
const interrupted: (() => void)[] = []
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    const listener = signal === 'SIGINT' ? interrupted.at(-1) : undefined
    if (listener) return listener()
    // A second Ctrl-C ends at once.
    if (stop.signal.aborted && signal === 'SIGINT') process.exit(130)
    stop.abort()
  })
}
// A role started by another process stops when that process ends, in any way.
if (process.env['OCS_STOP_WITH_INPUT']) {
  process.stdin.on('end', () => stop.abort())
  process.stdin.on('error', () => stop.abort())
  process.stdin.resume()
}
// A closed terminal must not end the role.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
process.stdout.on('error', () => unread.abort())

/**
 * Pending writes by stream; the callback of an empty write comes before the pipe has taken the earlier ones.
 */
const pending = new Map<NodeJS.WriteStream, Promise<void>>()
const write = (stream: NodeJS.WriteStream, text: string) => {
  if (text !== '') pending.set(stream, new Promise((done) => stream.write(text, () => done())))
}
/** A reader that has stalled does not prevent the end. */
const givenUp = new Promise<void>((done) =>
  stop.signal.addEventListener('abort', () => setTimeout(done, 1000)),
)

const code = await run(process.argv.slice(2), {
  signal: stop.signal,
  env: process.env,
  get input() {
    return process.stdin
  },
  unread: unread.signal,
  onInterrupt(listener) {
    interrupted.push(listener)
    return { [Symbol.dispose]: () => void interrupted.splice(interrupted.lastIndexOf(listener), 1) }
  },
  // `ocs up` discards readings, and so may a service: they need not be formatted.
  unseen: isNull(1),
  out: (text) => write(process.stdout, printable(text)),
  data: (text) => write(process.stdout, process.stdout.isTTY ? printable(text) : text),
  draw: (text, where) => write(where === 'out' ? process.stdout : process.stderr, text),
  taken: () => Promise.race([pending.get(process.stdout), givenUp]),
  err: (text) => write(process.stderr, printable(redact(text))),
  terminal: process.stderr.isTTY === true && process.env['TERM'] !== 'dumb',
  size: () => ({ columns: process.stderr.columns ?? 80, rows: process.stderr.rows ?? 24 }),
})
await Promise.race([Promise.all(pending.values()), givenUp])
process.exit(code)
