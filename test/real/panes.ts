import { type Lab, until } from './roles.ts'

/** A separate tmux server for the lab. */
export class Panes implements AsyncDisposable {
  readonly #lab: Lab

  constructor(lab: Lab) {
    this.#lab = lab
  }

  /** The output of one of tmux's own commands. */
  async tmux(...args: string[]): Promise<string> {
    const running = this.#lab.program('tmux', ['tmux', ...args], { env: { TMUX_TMPDIR: this.#lab.path() } })
    await running.ended(20)
    return running.text()
  }

  /** Runs a command in a new session, in a pane of this size. */
  async open(session: string, [columns, rows]: readonly [number, number], command: readonly string[]) {
    const size = ['-x', String(columns), '-y', String(rows)]
    await this.tmux('new-session', '-d', '-s', session, ...size, '-c', this.#lab.dir, '--', ...command)
  }

  /** The content of a pane, once it contains all of these texts. */
  shows(session: string, texts: readonly string[]): Promise<string> {
    return until(`${session} shows ${texts.join(', ')}`, 60, async () => {
      const text = await this.tmux('capture-pane', '-p', '-t', `=${session}:`)
      return texts.every((one) => text.includes(one)) && text
    })
  }

  async [Symbol.asyncDispose]() {
    await this.tmux('kill-server')
  }
}
