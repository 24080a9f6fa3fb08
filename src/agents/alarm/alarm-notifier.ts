import { z } from 'zod'
import type { Action } from '../../core/alarm-rules.ts'
import { backoff } from '../../core/backoff.ts'
import { messageOf } from '../../core/errors.ts'
import { aborted, pause } from '../../core/pause.ts'
import type { Notice } from './alarm-actions.ts'

/** Tries of one call, and seconds before the second; each further wait is twice as long, up to the last. */
const TRIES = 12
const AGAIN = 2
const AGAIN_MAX = 300
/** Milliseconds that a call under way has when the agent stops. */
const GRACE_MS = 1500

/** A call that waits: an action that has to be done for an alarm. Kept over restarts. */
export const Call = z.object({
  action: z.string(),
  notice: z.custom<Notice>((value) => typeof value === 'object' && value !== null && 'id' in value),
  tries: z.int().min(0),
  /** Unix s before which it is not tried again. */
  due: z.number(),
})
export type Call = z.output<typeof Call>

interface Outside {
  /** Runs an action once. @throws Error with the reason when it fails */
  perform(action: Action, notice: Notice, signal: AbortSignal): Promise<void>
  /** Unix s. */
  wall(): number
  /** Resolves after ms, or when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** Whether an alarm makes no calls at the moment. */
  isHeld(name: string): boolean
  /** Called when the pending calls have changed. */
  changed(): void
  /** A call was given up. */
  givenUp(action: string, notice: Notice, why: string): void
  log(text: string): void
}

interface Line {
  readonly action: Action
  readonly waiting: Call[]
  done: number
  failed: number
  problem: string | null
  /** Ends a wait: there is something else to do. */
  nudge: AbortController
}

/** Makes calls: one at a time for each action, in order, with retries; watching never waits for them. */
export class Calls {
  readonly #lines: ReadonlyMap<string, Line>
  readonly #outside: Outside

  constructor(actions: readonly Action[], outside: Outside) {
    this.#outside = outside
    const line = (action: Action): Line => ({
      action,
      waiting: [],
      done: 0,
      failed: 0,
      problem: null,
      nudge: new AbortController(),
    })
    this.#lines = new Map(actions.map((action) => [action.name, line(action)]))
  }

  /** Calls that wait, for keeping. */
  get waiting(): Call[] {
    return [...this.#lines.values()].flatMap(({ waiting }) => waiting)
  }

  /** How each action is doing. */
  get state(): Record<string, { done: number; failed: number; waiting: number; problem: string | null }> {
    return Object.fromEntries(
      [...this.#lines].map(([name, { done, failed, problem, waiting }]) => [
        name,
        { done, failed, waiting: waiting.length, problem },
      ]),
    )
  }

  /** Takes up what an earlier process had still to do. */
  restore(calls: readonly Call[]): void {
    for (const call of calls) this.#lines.get(call.action)?.waiting.push(call)
  }

  /** Adds a call. */
  add(action: string, notice: Notice): void {
    const line = this.#lines.get(action)
    line?.waiting.push({ action, notice, tries: 0, due: this.#outside.wall() })
    line?.nudge.abort()
  }

  /** Drops pending calls of an alarm, or its notices of one kind; an attempt in progress continues. */
  drop(name: string, what?: Notice['what']): void {
    for (const line of this.#lines.values()) {
      const kept = line.waiting.filter(
        ({ notice }) => notice.name !== name || (what !== undefined && notice.what !== what),
      )
      line.waiting.splice(0, line.waiting.length, ...kept)
    }
    this.nudge()
  }

  /** Checks pending calls again after a silence has begun or ended. */
  nudge(): void {
    for (const line of this.#lines.values()) line.nudge.abort()
  }

  /** Makes calls until the signal is aborted; ends soon after. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#lines.values()].map((line) => this.#serve(line, signal)))
  }

  async #serve(line: Line, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const call = line.waiting.find(({ notice }) => !this.#outside.isHeld(notice.name))
      line.nudge = new AbortController()
      const either = AbortSignal.any([signal, line.nudge.signal])
      if (!call) {
        await aborted(either)
        continue
      }
      const wait = call.due - this.#outside.wall()
      // A clock that was set back must not make it wait for years.
      if (wait > 0) await this.#outside.sleep(Math.min(wait, AGAIN_MAX) * 1000, either)
      if (either.aborted) continue
      await this.#try(line, call, signal)
    }
  }

  async #try(line: Line, call: Call, signal: AbortSignal): Promise<void> {
    const { action } = line
    try {
      await this.once(action, call.notice, signal)
      line.done++
      line.problem = null
      remove(line.waiting, call)
      this.#outside.log(`${action.name}: notified of ${call.notice.name} (${call.notice.what})`)
    } catch (error) {
      // A call cut short by the agent's stop is repeated after its restart.
      if (signal.aborted) return
      call.tries++
      line.problem = messageOf(error)
      call.due = this.#outside.wall() + backoff(call.tries - 1, AGAIN, AGAIN_MAX)
      this.#outside.log(`${action.name}: try ${call.tries} for ${call.notice.name} failed: ${line.problem}`)
      if (call.tries >= TRIES) {
        line.failed++
        remove(line.waiting, call)
        this.#outside.givenUp(action.name, call.notice, line.problem)
      }
    }
    this.#outside.changed()
  }

  /** Runs an action once, within its time-out. @throws Error with the reason when it fails */
  async once(action: Action, notice: Notice, signal: AbortSignal): Promise<void> {
    const cut = new AbortController()
    const late = `not done after ${action.timeout} s`
    const over = new AbortController()
    const limit = pause(action.timeout * 1000, over.signal).then(() => {
      if (!over.signal.aborted) cut.abort(new Error(late))
    })
    const stop = aborted(AbortSignal.any([signal, over.signal])).then(async () => {
      await pause(GRACE_MS, over.signal)
      if (!over.signal.aborted) cut.abort(new Error('the agent stops'))
    })
    try {
      await this.#outside.perform(action, notice, cut.signal)
    } catch (error) {
      throw cut.signal.aborted ? cut.signal.reason : error
    } finally {
      over.abort()
      await Promise.all([limit, stop])
    }
  }

  /** The action of a name. */
  find(name: string): Action | undefined {
    return this.#lines.get(name)?.action
  }
  get names(): string[] {
    return [...this.#lines.keys()]
  }
}

function remove(from: Call[], call: Call): void {
  const at = from.indexOf(call)
  if (at >= 0) from.splice(at, 1)
}
