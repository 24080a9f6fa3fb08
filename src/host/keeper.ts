import { backoff } from '../core/backoff.ts'
import { messageOf } from '../core/errors.ts'
import type { Child } from './children.ts'
import type { PlannedRole, RoleState } from './roles.ts'
import type { StartRole } from './shared-runtime.ts'

/** Milliseconds before a role that ended is started again: doubled each time, up to the last value. */
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 60_000
/** Milliseconds that a role must have run for its next wait to be the shortest again. */
const HEALTHY_MS = 60_000

/** Seconds for which an unexpected end counts, and its weight: OCS's measure of stability. */
const REMEMBERED_S = 120
const END_COSTS_S = 5

/** What a keeper reports. */
export interface KeeperOutput {
  readonly log: string
  /** A line that the role logged. */
  line(text: string): void
  /** An event in the life of the role. */
  say(text: string): void
  changed(): void
}

/** Milliseconds to wait before the next start, from the previous wait and the duration of the last run. */
export function nextWait(last: number, lived: number): number {
  return lived >= HEALTHY_MS || last === 0 ? FIRST_WAIT_MS : backoff(1, last, LONGEST_WAIT_MS)
}

/**
 * 1 for a role that has not ended by itself recently, less by 5 s / age for each end in the last 120 s.
 * @param ages seconds since each end
 */
export function stabilityOf(ages: readonly number[]): number {
  const costs = ages.filter((age) => age < REMEMBERED_S).map((age) => END_COSTS_S / Math.max(age, 0.1))
  return Math.max(0, 1 - costs.reduce((sum, cost) => sum + cost, 0))
}

/** Keeps one role alive until told to end it. */
export class Keeper {
  /** What it is started as next time; may be replaced by another with the same fingerprint. */
  role: PlannedRole
  readonly #output: KeeperOutput
  readonly #startRole: StartRole
  #child: Child | undefined
  #timer: Timer | undefined
  #wait = 0
  #began = 0
  #restarts = 0
  #lastExit: string | null = null
  #state: RoleState['state'] = 'waiting'
  #since = Date.now() / 1000
  #ending = false
  /** When it ended by itself, ms of the monotonic clock. */
  #ends: number[] = []

  constructor(role: PlannedRole, output: KeeperOutput, startRole: StartRole) {
    this.role = role
    this.#output = output
    this.#startRole = startRole
  }

  get state(): RoleState {
    return {
      name: this.role.name,
      command: ['ocs', ...this.role.args].join(' '),
      state: this.#state,
      pid: this.#state === 'running' || this.#state === 'stopping' ? (this.#child?.pid ?? null) : null,
      since: this.#since,
      restarts: this.#restarts,
      last_exit: this.#lastExit,
      log: this.#output.log,
    }
  }

  get stability(): number {
    return stabilityOf(this.#ends.map((end) => (performance.now() - end) / 1000))
  }

  start(): void {
    if (this.#ending) return
    this.#began = performance.now()
    try {
      const child = this.#startRole(this.role, this.#output.log, (line) => this.#output.line(line))
      this.#child = child
      this.#become('running')
      void child.exited.then(() => this.#ended(child.ended ?? 'for an unknown reason'))
    } catch (error) {
      // A machine that is out of memory or file handles may have them again later.
      this.#ended(messageOf(error))
    }
  }

  /**
   * Stops restarting it. The caller must still stop the running processes (`stopChildren`), and then call
   * `stopped`.
   */
  end(): Child[] {
    this.#ending = true
    clearTimeout(this.#timer)
    const running = this.#child && this.#child.ended === undefined ? [this.#child] : []
    this.#become(running.length > 0 ? 'stopping' : 'stopped')
    return running
  }

  #ended(how: string): void {
    this.#lastExit = how
    if (this.#ending) {
      this.#become('stopped')
      return
    }
    this.#ends = [...this.#ends.slice(-100), performance.now()]
    this.#wait = nextWait(this.#wait, performance.now() - this.#began)
    this.#output.say(`${this.role.name} ended (${how}); restarting in ${this.#wait / 1000} s`)
    this.#timer = setTimeout(() => {
      this.#restarts++
      this.start()
    }, this.#wait)
    this.#become('waiting')
  }

  #become(state: RoleState['state']): void {
    this.#state = state
    this.#since = Date.now() / 1000
    this.#output.changed()
  }
}
