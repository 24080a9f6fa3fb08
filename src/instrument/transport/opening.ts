import { stopped } from './failures.ts'
import type { Link } from './link.ts'

/** Brings a link into use with `begin`; closes it at once if that fails or its signal aborts. */
export async function opened<L extends Link>(
  link: L,
  begin: () => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<L> {
  const stop = () => void link.close()
  signal?.addEventListener('abort', stop)
  try {
    if (!signal?.aborted) await begin()
    if (signal?.aborted) throw stopped(link.name, signal)
    return link
  } catch (error) {
    await link.close()
    throw signal?.aborted ? stopped(link.name, signal) : error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}
