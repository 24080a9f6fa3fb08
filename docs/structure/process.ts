import { join } from 'node:path'
import type { Order, Reply } from './role.ts'
import type { Executed } from './watch.ts'

/** Seconds in which a role has to say what is awaited. */
const PATIENCE = 60

/** An `ocs` of this tree in a process of its own, which tells what it executes. */
export class Process implements Disposable {
  readonly name: string
  #said = ''
  #id = 0
  readonly #process: Bun.Subprocess<'ignore', 'pipe', 'pipe'>
  readonly #replies = new Map<number, (reply: Reply) => void>()
  readonly #heard = new Set<() => void>()

  /** @param argv what it runs; nothing: what `run` gives it */
  constructor(name: string, cwd: string, argv: readonly string[] = []) {
    this.name = name
    this.#process = Bun.spawn([process.execPath, join(import.meta.dir, 'role.ts'), ...argv], {
      cwd,
      env: { ...process.env, HOME: cwd, OCS_STATE_DIR: join(cwd, 'state'), OCS_LOG_FILE: 'none' },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
      ipc: (reply: Reply) => this.#replies.get(reply.id)?.(reply),
    })
    for (const stream of [this.#process.stdout, this.#process.stderr]) void this.#hear(stream)
  }

  /** How often it has said something so far. */
  count(words: string): number {
    return this.#said.split(words).length - 1
  }

  /** Resolves once it has said something `times` times. @throws Error with all it said, when it does not */
  async says(words: string, times = 1): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const check = () => this.count(words) >= times && resolve()
    const fail = () => reject(new Error(`${this.name} does not say "${words}":\n${this.#said}`))
    const timer = setTimeout(fail, PATIENCE * 1000)
    void this.#process.exited.then(fail)
    this.#heard.add(check)
    check()
    await promise.finally(() => {
      clearTimeout(timer)
      this.#heard.delete(check)
    })
  }

  /** Runs a command line in it. @throws Error unless its exit code is 0 */
  async run(...argv: string[]): Promise<void> {
    const { code } = await this.#ask({ argv })
    if (code !== 0) throw new Error(`ocs ${argv.join(' ')}: exit code ${code}\n${this.#said}`)
  }

  /** What each of its threads has executed since the last look. */
  async look(): Promise<readonly Executed[]> {
    return (await this.#ask({})).threads ?? []
  }

  [Symbol.dispose](): void {
    this.#process.kill('SIGKILL')
  }

  #ask(order: Omit<Order, 'id'>): Promise<Reply> {
    const id = ++this.#id
    return new Promise((resolve) => {
      this.#replies.set(id, resolve)
      this.#process.send({ id, ...order } satisfies Order)
    })
  }

  async #hear(stream: ReadableStream<Uint8Array>): Promise<void> {
    const text = new TextDecoder()
    for await (const bytes of stream) {
      this.#said += text.decode(bytes, { stream: true })
      for (const check of [...this.#heard]) check()
    }
  }
}
