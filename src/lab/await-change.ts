import type { Bus } from '../bus/bus.ts'
import { TimeoutError, TransportError } from '../core/errors.ts'
import type { LabView } from './lab-view.ts'

/** A client's connection, as whatever waits on it needs it. */
export interface Line {
  readonly bus: Bus
  readonly view: LabView
  readonly root: string
  /** Aborted when the connection is closed. */
  readonly closed: AbortSignal
  /** Seconds that hub or agent may be away before waiting ends. */
  readonly patience: number
}

interface Waiting {
  readonly signal?: AbortSignal | undefined
  /** Seconds to wait at most; without limit by default. */
  readonly timeout?: number | undefined
  /** What is waited for, for the error. */
  readonly what: string
  /** Registers a call for whatever else may have brought it. */
  readonly also?: (look: () => void) => Disposable
}

/** Milliseconds between looks at whether hub and agent are there. */
const LOOK_MS = 250

/**
 * Waits until `find` finds something; it is called after each change of the lab.
 * @throws whatever `find` throws; the signal's reason; TimeoutError after `timeout`; TransportError when the hub or the
 * agent has been away for longer than the line's patience, or the connection is closed
 */
export function awaitChange<T>(
  { bus, view, closed, patience }: Line,
  instance: string,
  find: () => T | undefined,
  { signal, timeout = Infinity, what, also }: Waiting,
): Promise<T> {
  const begun = performance.now()
  let away: number | undefined
  const trouble = (): Error | undefined => {
    if (signal?.aborted) return signal.reason as Error
    if (closed.aborted) return new TransportError(`${what}: the connection to the hub is closed`)
    const now = performance.now()
    const hub = bus.connected
    away = hub && view.instances.get(instance)?.state === 'online' ? undefined : (away ?? now)
    if (away !== undefined && now - away > 1000 * patience) {
      const who = hub ? `${instance} has` : 'the hub has'
      return new TransportError(`${what}: ${who} been away for ${patience} s`)
    }
    return now - begun > 1000 * timeout ? new TimeoutError(`${what}: not within ${timeout} s`) : undefined
  }
  return new Promise((resolve, reject) => {
    const clean = new DisposableStack()
    const look = () => {
      if (clean.disposed) return
      try {
        const found = find()
        const wrong = found === undefined ? trouble() : undefined
        if (found === undefined && !wrong) return
        clean.dispose()
        if (wrong) reject(wrong)
        else resolve(found as T)
      } catch (error) {
        clean.dispose()
        reject(error)
      }
    }
    const timer = setInterval(look, LOOK_MS)
    clean.defer(() => clearInterval(timer))
    for (const stop of [signal, closed]) {
      stop?.addEventListener('abort', look)
      clean.defer(() => stop?.removeEventListener('abort', look))
    }
    clean.use(view.onChange((changed) => changed === instance && look()))
    if (also) clean.use(also(look))
    look()
  })
}
