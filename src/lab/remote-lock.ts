import { messageOf } from '../core/errors.ts'
import type { Remote } from './remote-operation.ts'

/** Seconds a lock lasts beyond its holder: a program that is killed is not in the way for longer. */
const LASTS = 60
/** Milliseconds after which it is asked for anew. */
const RENEW_MS = (LASTS * 1000) / 3

/**
 * Locks an agent for this client and keeps it so until disposed.
 * @param by who that is, for whoever is refused meanwhile
 * @throws OpError when another holds the lock, naming it
 */
export async function holdLock(
  by: string,
  { line, ask, instance, log }: Pick<Remote, 'line' | 'ask' | 'instance' | 'log'>,
): Promise<AsyncDisposable> {
  const lock = () => ask.query(instance, 'lock', { seconds: LASTS, by })
  await lock()
  const timer = setInterval(() => {
    lock().catch((error: unknown) => log(`${instance} is not locked at the moment: ${messageOf(error)}`))
  }, RENEW_MS)
  const stop = () => clearInterval(timer)
  line.closed.addEventListener('abort', stop)
  return {
    async [Symbol.asyncDispose]() {
      stop()
      line.closed.removeEventListener('abort', stop)
      // It ends by itself soon where it cannot be given back.
      await ask.query(instance, 'unlock', {}).catch(() => {})
    },
  }
}
