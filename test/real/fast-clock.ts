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
    // What keeps the clock says what makes a program see it.
    const names = ['LD_PRELOAD', 'FAKETIME_SHARED', 'FAKETIME']
    const say = names.map((name) => `echo "$${name}"`).join('; ')
    const command = ['faketime', '-f', `+0 x${speed}`, 'sh', '-c', `${say}; exec cat`]
    const keeper = Bun.spawn(command, { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' })
    let said = ''
    for await (const bytes of keeper.stdout) {
      said += new TextDecoder().decode(bytes)
      if (said.split('\n').length > names.length) break
    }
    const values = said.split('\n')
    const env = Object.fromEntries(names.map((name, i) => [name, values[i] ?? '']))
    for (const [name, value] of Object.entries(env))
      if (value === '') throw new Error(`faketime sets no ${name}`)
    return new FastClock(speed, keeper, env)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeper.stdin.end()
    await this.#keeper.exited
  }
}
