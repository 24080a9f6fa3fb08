import type { Bus } from '../bus/bus.ts'
import { channels } from '../core/channels.ts'
import { counted } from '../core/counted.ts'
import { OpError, TransportError } from '../core/errors.ts'
import type { Lab } from '../core/lab.ts'
import { type Identity, presenceOf } from './identity.ts'
import { serveSpool } from './spool/serve-spool.ts'
import type { Spool } from './spool/spool.ts'

/** Milliseconds between presence beats, and between checks of progress. */
const BEAT_MS = 1000
const LOOK_MS = 100
/** Longest wait for the goodbye to the hub, ms. */
const GOODBYE_MS = 300

export interface Drain {
  readonly bus: Bus
  /** Identity of the drain itself; see `drainInstance`. */
  readonly identity: Identity
  /** The instance whose rows the spool holds. */
  readonly instance: string
  readonly spool: Spool
  /** Aborts the drain. */
  readonly signal: AbortSignal
  /** Seconds without a recorded row after which the drain gives up. */
  readonly patience: number
  /** Reports which recorders' acknowledgements are accepted, and which are not. */
  readonly event: Lab['event']
  /** Why no recorder takes the rows, as soon as that is known. */
  refused(): string | undefined
  /** Called with the number of rows left, whenever it changes. */
  progress(left: number): void
}

/**
 * Serves the spool of an agent that is gone until a recorder has acknowledged all of it. The rows are
 * recorded under their own instance, whether or not that instance runs elsewhere. Leaves nothing on the hub.
 * @returns how many rows were recorded now or had been before
 * @throws TransportError when no row is recorded for `patience` seconds; OpError when refused or interrupted.
 *   Rows recorded until then stay marked as recorded
 */
export async function drainSpool(drain: Drain): Promise<number> {
  const { bus, identity, instance, spool, signal, patience, event, refused, progress } = drain
  const { root, instance: own } = identity
  const here = { root, instance: own }
  const left = () => spool.feeds().reduce((sum, feed) => sum + spool.unrecorded(feed), 0)
  const atFirst = left()
  const beat = () => {
    const feeds = spool.feeds().map((feed) => [feed, { spool: spool.id, epochs: spool.held(feed) }] as const)
    if (!bus.connected) return
    void bus.publish(channels.presence, here, presenceOf(identity, 'online'))
    void bus.publish(channels.drains, { ...here, of: instance }, { feeds: Object.fromEntries(feeds) })
  }
  await serveSpool(bus, here, spool, event)
  using _watch = bus.onConnected((connected) => connected && beat())
  const timer = setInterval(() => {
    beat()
    // Rows that were recorded stay marked if the drain is killed.
    spool.tidy()
  }, BEAT_MS)
  let before = atFirst
  let moved = performance.now()
  progress(before)
  try {
    for (let now = before; now > 0; now = left()) {
      if (now !== before) {
        progress(now)
        before = now
        moved = performance.now()
      }
      if (signal.aborted)
        throw new OpError(
          `interrupted: ${counted(now, 'row is', 'rows are')} not recorded yet; they are kept`,
        )
      const why = refused()
      if (why !== undefined)
        throw new OpError(`${why}; ${counted(now, 'row that waits is', 'rows that wait are')} kept`)
      if (performance.now() - moved > 1000 * patience) {
        const why = bus.connected ? 'no recorder has recorded a row' : 'the hub is away'
        throw new TransportError(
          `${why} for ${patience} s: ${counted(now, 'row is', 'rows are')} not recorded yet; they are kept. Is ocs aggregate running on this hub, and can it write to its disk?`,
        )
      }
      await Bun.sleep(LOOK_MS)
    }
    progress(0)
    return atFirst
  } finally {
    clearInterval(timer)
    if (bus.connected) await Promise.race([bus.clear(channels.presence, here), Bun.sleep(GOODBYE_MS)])
  }
}
