import { readFileSync } from 'node:fs'

/** A clock that runs `speed` times as fast as the real one, the same for all programs that get its `env` (Debian's `faketime`). */
export class FastClock implements AsyncDisposable {
  readonly speed: number
  readonly env: Readonly<Record<string, string>>
  readonly #keeper: Bun.Subprocess<'pipe', 'pipe'>

  private constructor(speed: number, keeper: Bun.Subprocess<'pipe', 'pipe'>, env: Record<string, string>) {
    this.speed = speed
    this.#keeper = keeper
    this.env = env
  }

  static async start(speed: number): Promise<FastClock> {
    // What keeps the clock tells its process id; its environment has what makes a program see the clock.
    const command = ['faketime', '-f', `+0 x${speed}`, 'sh', '-c', 'echo $$; exec cat']
    const keeper = Bun.spawn(command, { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' })
    const { value } = await keeper.stdout.getReader().read()
    const environment = readFileSync(`/proc/${new TextDecoder().decode(value).trim()}/environ`, 'utf8')
    const own = environment.split('\0').filter((line) => /^(LD_PRELOAD|FAKETIME\w*)=/.test(line))
    const pairs = own.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
    return new FastClock(speed, keeper, Object.fromEntries(pairs))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeper.stdin.end()
    await this.#keeper.exited
  }
}
