/**
 * A clock that runs `speed` times as fast as the real one, the same for all programs that get its `env`
 * (Debian's `faketime`).
 */
export class FastClock implements AsyncDisposable {
  readonly speed: number
  readonly env: Readonly<Record<string, string>>
  readonly #keeper: Bun.Subprocess<'pipe', 'pipe'>

  private constructor(speed: number, keeper: Bun.Subprocess<'pipe', 'pipe'>, env: Record<string, string>) {
    this.speed = speed
    this.#keeper = keeper
    this.env = env
  }

  static async start(speed: number, tries = 5): Promise<FastClock> {
    // The process that keeps the clock prints the variables that make a program see it.
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
    const missing = Object.entries(env).find(([, value]) => value === '')
    // A killed clock leaves its semaphore, which is named by its process id: another process has another
    // name.
    if (missing && tries > 1) return await FastClock.start(speed, tries - 1)
    if (missing) throw new Error(`faketime sets no ${missing[0]}`)
    return new FastClock(speed, keeper, env)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeper.stdin.end()
    await this.#keeper.exited
  }
}
