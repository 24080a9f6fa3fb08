import type { SessionHandle } from '../core/agent.ts'
import { OpError } from '../core/errors.ts'
import { AGENT_STOPS } from '../core/pause.ts'
import type { SessionLine } from './lines.ts'
import type { Program } from './program.ts'

/** The most messages of a session kept until it is shown. */
const MESSAGES = 100

/**
 * Sessions of the runtime that have been shown before: operations that go on without their program are not
 * restarted.
 */
const shown = new WeakSet<object>()

interface Mirror {
  take(line: SessionLine): void
}

/** The sessions of a program, each shown as a session of its agent. */
export class ProgramSessions {
  readonly #program: Program
  readonly #mirrors = new Map<string, Mirror>()
  /** Sessions that the program started by itself: their latest line, by operation. */
  readonly #own = new Map<string, SessionLine>()

  constructor(program: Program) {
    this.#program = program
  }

  /**
   * Takes a line.
   * @returns whether the program itself has started this operation, and it is not shown yet
   */
  take(line: SessionLine): boolean {
    const mirror = this.#mirrors.get(line.op)
    if (mirror) {
      mirror.take(line)
      return false
    }
    const known = this.#own.get(line.op)
    const said = known?.session_id === line.session_id ? known.messages : []
    if (line.status === 'done') this.#own.delete(line.op)
    else this.#own.set(line.op, { ...line, messages: [...said, ...line.messages].slice(-MESSAGES) })
    return line.status !== 'done' && !known
  }

  /**
   * Starts an operation of the program, or shows the session in progress, until its end.
   * @throws OpError when it is refused or fails, TransportError when the program ends
   */
  async run(
    op: string,
    kind: 'task' | 'process',
    params: unknown,
    session: SessionHandle<unknown>,
    signal: AbortSignal,
  ) {
    const { promise: done, resolve, reject } = Promise.withResolvers<string | undefined>()
    const { closed } = this.#program
    const gone = () => reject(closed.reason)
    const { stays } = this.#program.hello
    const stop = () => {
      if (stays && signal.reason === AGENT_STOPS) return resolve('It is still running in its own process.')
      void this.#program.ask({ do: kind === 'process' ? 'stop' : 'abort', op }).then(
        ({ status, msg }) => status !== 0 && session.log(msg),
        () => {},
      )
    }
    let number: number | undefined
    let last: string | undefined
    const mirror: Mirror = {
      take(line) {
        number ??= line.session_id
        if (line.session_id !== number) return
        if (line.data !== undefined) session.set(line.data)
        for (const text of line.messages) {
          // The last message is held back until the outcome is known.
          if (last !== undefined) session.log(last)
          last = text
        }
        if (line.status !== 'done' && last !== undefined) {
          session.log(last)
          last = undefined
        }
        if (line.degraded !== session.degraded) session.degraded = line.degraded
        if (line.status !== 'done') return
        if (line.success) resolve(last)
        else reject(new OpError(last ?? 'it has failed'))
      },
    }
    this.#mirrors.set(op, mirror)
    closed.addEventListener('abort', gone)
    try {
      if (closed.aborted) gone()
      const own = this.#own.get(op)
      this.#own.delete(op)
      if (own) mirror.take(own)
      else if (stays && shown.has(session)) throw new OpError('it is no longer running')
      else {
        const answer = await this.#program.ask({ do: 'start', op, params })
        if (answer.status !== 0) throw new OpError(answer.msg)
      }
      shown.add(session)
      signal.addEventListener('abort', stop)
      if (signal.aborted) stop()
      return await done
    } finally {
      done.catch(() => {})
      this.#mirrors.delete(op)
      closed.removeEventListener('abort', gone)
      signal.removeEventListener('abort', stop)
    }
  }
}
