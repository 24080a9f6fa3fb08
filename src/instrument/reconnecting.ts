import { existsSync } from 'node:fs'
import { TransportError } from '../core/errors.ts'
import { type Clock, systemClock } from './clock.ts'

/** Something that can be lost: a `LineLink`. */
export interface Connection {
  /** Aborts when it is lost, with the reason. */
  readonly closed: AbortSignal
  close(): Promise<void>
}

/** What one connection's `run` is given. */
export interface RunContext {
  /** Aborts when the owner stops or the connection is lost. */
  readonly signal: AbortSignal
  /** To be called at each reading: the connection works. */
  working(): void
}

/** What `keepConnected` does, and whom it tells. */
export interface KeepConnected<C extends Connection> {
  connect(signal: AbortSignal): Promise<C>
  /** Works with a connection until the signal aborts. */
  run(connection: C, context: RunContext): Promise<void>
  /** Called at each failure in turn, with its reason. */
  degraded(reason: Error): void
  /** Called once a connection works again after `degraded`: at its first reading, or when it has lasted 10 s. */
  recovered(): void
  readonly signal: AbortSignal
  /** The serial port in question, if there is one: when it re-appears the next try is made at once. */
  readonly watch?: () => string | undefined
  readonly clock?: Clock
}

/** Delays between tries, in ms; the last one repeats. The short ones are for a cable pulled and put back. */
const delays = [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000]
/** A connection that lasts this long, in ms, has worked. */
const settled = 10_000
/** How often a missing port is looked for, in ms. */
const look = 500

/**
 * Connects, runs, and after a loss connects again, for ever: until the signal aborts, or `run` returns by itself.
 * A TransportError counts as a loss.
 * @throws anything else that `connect` or `run` throws: it would fail again.
 */
export async function keepConnected<C extends Connection>(plan: KeepConnected<C>): Promise<void> {
  const { signal, watch, clock = systemClock } = plan
  let failures = 0
  const working = () => {
    if (failures > 0) plan.recovered()
    failures = 0
  }
  while (!signal.aborted) {
    try {
      const lost = await once(plan, working, clock)
      if (!lost) return
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof TransportError)) throw error
      plan.degraded(error)
      const delay = delays[Math.min(failures++, delays.length - 1)] ?? 0
      await pause(delay, watch, signal, clock)
    }
  }
}

/** One connection, from connecting to its end. @returns false if `run` returned by itself. @throws the reason of a loss. */
async function once<C extends Connection>(
  plan: KeepConnected<C>,
  working: () => void,
  clock: Clock,
): Promise<boolean> {
  const connection = await plan.connect(plan.signal)
  const over = new AbortController()
  const signal = AbortSignal.any([plan.signal, connection.closed, over.signal])
  void clock.sleep(settled, signal).then(() => signal.aborted || working())
  try {
    await plan.run(connection, { signal, working })
    if (plan.signal.aborted) return true
    connection.closed.throwIfAborted()
    return false
  } catch (error) {
    // Whatever `run` stumbled over because the link was cut, the cut is the reason.
    throw connection.closed.aborted ? connection.closed.reason : error
  } finally {
    over.abort()
    await connection.close()
  }
}

/** Waits `delay` ms, or until a port that is missing meanwhile re-appears. */
async function pause(
  delay: number,
  watch: KeepConnected<Connection>['watch'],
  signal: AbortSignal,
  clock: Clock,
): Promise<void> {
  const end = clock.now() + delay
  let missing = false
  for (;;) {
    const path = watch?.()
    const there = path === undefined || existsSync(path)
    const left = end - clock.now()
    if (signal.aborted || left <= 0 || (missing && there)) return
    missing = !there
    await clock.sleep(path === undefined ? left : Math.min(look, left), signal)
  }
}
