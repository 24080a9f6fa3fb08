import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Bun takes its timers from the clock of the C library but sleeps by the kernel's: without something that wakes it each
 * millisecond, a timer of one fast second would take a real one.
 */
const TICK = 'setInterval(() => {}, 1).unref()\n'

/** A clock that runs `speed` times as fast as the real one, one and the same for all programs that get its `env` (Debian's `faketime`). */
export class FastClock implements AsyncDisposable {
  readonly env: Readonly<Record<string, string>>
  readonly #keeper: Bun.Subprocess
  readonly #dir: string

  private constructor(keeper: Bun.Subprocess<'ignore', 'pipe'>, env: Record<string, string>) {
    this.#keeper = keeper
    this.#dir = mkdtempSync(join(tmpdir(), 'ocs-clock-'))
    const tick = join(this.#dir, 'tick.ts')
    writeFileSync(tick, TICK)
    this.env = { ...env, BUN_OPTIONS: `--preload=${tick}` }
  }

  static async start(speed: number): Promise<FastClock> {
    // What keeps the clock says its own process id, from which the variables are read that make a program see the clock.
    const command = ['faketime', '-f', `+0 x${speed}`, 'sh', '-c', 'echo $$; exec cat']
    const keeper = Bun.spawn(command, { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' })
    const { value } = await keeper.stdout.getReader().read()
    const environment = readFileSync(`/proc/${new TextDecoder().decode(value).trim()}/environ`, 'utf8')
    const own = environment.split('\0').filter((line) => /^(LD_PRELOAD|FAKETIME\w*)=/.test(line))
    const env = Object.fromEntries(
      own.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    )
    return new FastClock(keeper as never, env)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    ;(this.#keeper.stdin as Bun.FileSink).end()
    await this.#keeper.exited
    rmSync(this.#dir, { recursive: true })
  }
}
