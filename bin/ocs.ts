import { run } from '../src/commands/program.ts'

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
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  terminal: process.stderr.isTTY === true && process.env['TERM'] !== 'dumb',
  size: () => ({ columns: process.stderr.columns ?? 80, rows: process.stderr.rows ?? 24 }),
})
await Promise.all(
  [process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', done))),
)
process.exit(code)
