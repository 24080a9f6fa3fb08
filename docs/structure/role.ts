/**
 * Runs `ocs` in a process that says, when asked by its parent, what it has executed: `role.ts ARGUMENT…`. Without arguments
 * it runs the command lines that it is sent, one after another.
 */
import { join } from 'node:path'
import { type Executed, look } from './watch.ts'

/** What the parent asks. */
export interface Order {
  readonly id: number
  /** Run this command line; otherwise: look. */
  readonly argv?: readonly string[]
}
/** The exit code, or what each thread has executed since the last look. */
export interface Reply {
  readonly id: number
  readonly code?: number
  readonly threads?: readonly Executed[]
}

const workers = new Set<Worker>()
const Plain = globalThis.Worker
globalThis.Worker = class extends Plain {
  constructor(url: string | URL, options?: WorkerOptions) {
    super(url, { ...options, preload: [join(import.meta.dir, 'watch.ts')] })
    workers.add(this)
    this.addEventListener('close', () => workers.delete(this))
  }
}
const asked = new BroadcastChannel('looks')
const told = new BroadcastChannel('looked')

async function lookAll(): Promise<Executed[]> {
  const threads = [await look()]
  if (workers.size === 0) return threads
  const { promise, resolve } = Promise.withResolvers<void>()
  told.onmessage = ({ data }) => {
    threads.push(data as Executed)
    if (threads.length > workers.size) resolve()
  }
  asked.postMessage('')
  await promise
  return threads
}

// Loaded now and not before, so that it is watched from the first.
const { run } = await import('../../src/commands/program.ts')
const runHere = (argv: readonly string[]) =>
  run(argv, {
    signal: new AbortController().signal,
    env: process.env,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    terminal: false,
    size: () => ({ columns: 80, rows: 24 }),
  })

process.on('message', async ({ id, argv }: Order) => {
  const reply: Reply = argv ? { id, code: await runHere(argv) } : { id, threads: await lookAll() }
  process.send?.(reply)
})
process.on('disconnect', () => process.exit())
const given = process.argv.slice(2)
if (given.length > 0) process.exit(await runHere(given))
