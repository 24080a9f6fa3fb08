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
    // A second Ctrl-C means now.
    if (stop.signal.aborted && signal === 'SIGINT') process.exit(130)
    stop.abort()
  })
}
// A role that another process runs stops with it, however that ends.
if (process.env['OCS_STOP_WITH_INPUT']) {
  process.stdin.on('end', () => stop.abort())
  process.stdin.on('error', () => stop.abort())
  process.stdin.resume()
}
// A terminal that is gone must not take the role with it.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
process.stdout.on('error', () => unread.abort())

/** What has been written to a stream; the callback of an empty write comes before the pipe has taken the others. */
const pending = new Map<NodeJS.WriteStream, Promise<void>>()
const write = (stream: NodeJS.WriteStream, text: string) => {
  if (text !== '') pending.set(stream, new Promise((done) => stream.write(text, () => done())))
}
/** A reader that has stalled keeps nobody from stopping. */
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
  // `ocs up` leaves readings out, and so may a service: they need not be put into words.
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
