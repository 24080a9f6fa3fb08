/**
 * Pipes that are read in steps, all of a process together. A process that reads ten pipes as they are written
 * to wakes twenty times a second, and each wake-up costs more than the reading itself; in steps it wakes five
 * times a second and reads all that has come.
 */
import { ptr } from 'bun:ffi'
import { closeSync, constants } from 'node:fs'
import { Readable } from 'node:stream'
import { libc } from './libc.ts'

/** Milliseconds between steps, normally and while an answer is expected. */
const STEP_MS = 200
const SOON_MS = 5
/** Bytes read from a pipe in a step; if there may be more, the next step follows at once. */
const BYTES = 1 << 16
/** Of fcntl(2) and pipe2(2); node exports neither. */
const F_SETFL = 4
const O_CLOEXEC = 0o2000000

const symbols = {
  pipe2: { args: ['ptr', 'i32'], returns: 'i32' },
  fcntl: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
  read: { args: ['i32', 'ptr', 'u64'], returns: 'i64' },
} as const
let loaded: ReturnType<typeof libc<typeof symbols>> | undefined
const calls = () => (loaded ??= libc(symbols))

const bytes = new Uint8Array(BYTES)
const open = new Set<SteppedPipe>()
let timer: ReturnType<typeof setTimeout> | undefined
/** An answer is expected until this time, monotonic ms. */
let soonUntil = -Infinity

/** Makes steps frequent for `ms` milliseconds, because an answer is expected. */
export function hurry(ms: number): void {
  soonUntil = Math.max(soonUntil, performance.now() + ms)
  if (open.size > 0) plan(SOON_MS)
}

function plan(ms: number): void {
  clearTimeout(timer)
  timer = setTimeout(step, ms)
}

function step(): void {
  let isFull = false
  for (const pipe of [...open]) isFull = pipe.look() || isFull
  if (open.size === 0) timer = undefined
  else plan(isFull ? 0 : performance.now() < soonUntil ? SOON_MS : STEP_MS)
}

/** The reading end of a new pipe; a child has the writing end. */
export class SteppedPipe extends Readable {
  /** The writing end, for a child; closed here once the child has it. */
  readonly writer: number
  readonly #reader: number
  #wants = false

  /** @throws Error when this process has too many open files */
  constructor() {
    super({ highWaterMark: BYTES })
    const ends = new Int32Array(2)
    if (calls().pipe2(ptr(ends), O_CLOEXEC) < 0) throw new Error('no pipe available: too many files are open')
    ;[this.#reader = -1, this.writer = -1] = ends
    calls().fcntl(this.#reader, F_SETFL, constants.O_NONBLOCK)
    open.add(this)
    if (!timer) plan(STEP_MS)
  }

  override _read(): void {
    this.#wants = true
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (open.delete(this)) closeSync(this.#reader)
    done(error)
  }

  /**
   * Reads what has come.
   * @returns whether there may be more
   */
  look(): boolean {
    if (!this.#wants) return false
    const count = Number(calls().read(this.#reader, ptr(bytes), BYTES))
    if (count < 0) return false
    this.#wants = false
    this.push(count === 0 ? null : bytes.slice(0, count))
    return count === BYTES
  }
}
