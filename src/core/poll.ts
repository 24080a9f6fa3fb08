import { type Clock, systemClock } from './clock.ts'

/** Seconds of punctual beats after which the log says that none is late any more. */
const MENDED_S = 60

/** Inaccuracy of timers, ms: a beat that is late by no more than this can still be kept. */
const COARSE_MS = 2

/** What `poll` needs of the operation that runs it. */
export interface PollContext {
  readonly session: { degraded: boolean; log(text: string): void }
  readonly signal: AbortSignal
}

/** Options of `poll`. */
export interface PollOptions {
  /**
   * Handles an error of `read`; the poll continues, degraded until a read succeeds. Without it the error ends
   * the poll. It may throw.
   */
  readonly onError?: (error: unknown) => void
  readonly clock?: Clock
}

/**
 * Calls `read` at `frequency` (Hz) until the signal aborts. Beats are counted from the start, so time spent
 * reading does not slow the rate. A beat missed by half a period plus 2 ms or more is skipped: late readings
 * never bunch up.
 * @throws whatever `read` throws, unless `onError` takes it; nothing once the signal has aborted.
 */
export async function poll(
  frequency: number,
  { session, signal }: PollContext,
  read: () => Promise<void>,
  { onError, clock = systemClock }: PollOptions = {},
): Promise<void> {
  const period = 1000 / frequency
  const start = clock.now()
  let failing = false
  /** Number of punctual beats since the log said that some are late; undefined if it has not said so. */
  let inTime: number | undefined
  for (let beat = 0; !signal.aborted; ) {
    try {
      await read()
      if (failing) session.degraded = failing = false
    } catch (error) {
      if (signal.aborted) return
      if (!onError) throw error
      onError(error)
      session.degraded = failing = true
    }
    const now = clock.now()
    const next = Math.max(beat + 1, Math.round((now - start - COARSE_MS) / period))
    const isLate = next > beat + 1 && !failing
    if (isLate && inTime === undefined) {
      const took = ((now - start - beat * period) / 1000).toFixed(2)
      session.log(`${took} s late for a reading at ${frequency} Hz: some readings are skipped`)
    }
    if (isLate) inTime = 0
    else if (inTime !== undefined && ++inTime >= MENDED_S * frequency) {
      inTime = undefined
      session.log(`readings have been on time for ${MENDED_S} s, at ${frequency} Hz`)
    }
    beat = next
    await clock.sleep(Math.max(0, start + beat * period - now), signal)
  }
}
