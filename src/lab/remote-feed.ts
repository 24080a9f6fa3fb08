import { channels, type FeedDeclaration, type Row } from '../core/channels.ts'
import { OpError } from '../core/errors.ts'
import type { Wire } from '../core/wire.ts'
import { awaitChange, type Line } from './await-change.ts'
import { type FeedRow, type LastValues, restoreLast, restoreRow } from './restore.ts'

/** One feed of a running agent: iterate it for its rows, as they come from now on. */
export interface Feed extends AsyncIterable<FeedRow> {
  /**
   * The rows from now on. The iteration ends when the client is closed.
   * @param signal ends it by throwing its reason, beside the client's own signal
   * @throws TransportError when hub or agent have been away for longer than the client's patience; OpError when the rows are
   * taken so slowly that 10,000 wait
   */
  rows(signal?: AbortSignal): AsyncGenerator<FeedRow, void, undefined>
  /** The newest values, up to 5 s behind `rows`; undefined when none have ever come. */
  last(): Promise<LastValues | undefined>
}

/** Rows that may wait for a slow reader. */
const WAITING = 10_000
/** Seconds in which the hub hands over what it has retained. */
const LAST_SECONDS = 1

/** A feed of an agent, with values by the types that the agent declares. */
export function remoteFeed(
  line: Line,
  instance: string,
  feed: string,
  ownSignal: AbortSignal | undefined,
): Feed {
  const { bus, root, view, closed } = line
  const address = { root, instance, feed }
  const declaration = (): FeedDeclaration | undefined => view.instances.get(instance)?.api?.feeds[feed]
  const title = `${instance} ${feed}`

  async function* rows(more?: AbortSignal): AsyncGenerator<FeedRow, void, undefined> {
    const signals = [ownSignal, more].filter((signal) => signal !== undefined)
    const signal = AbortSignal.any(signals)
    let queue: Row[] = []
    let wake = () => {}
    await using _ = await bus.subscribe(channels.feed, address, (row) => {
      queue.push(row)
      wake()
    })
    const also = (look: () => void) => {
      wake = look
      return { [Symbol.dispose]: () => (wake = () => {}) }
    }
    const come = () => (queue.length > 0 ? true : undefined)
    for (;;) {
      try {
        signal.throwIfAborted()
        await awaitChange(line, instance, come, { signal, what: title, also })
      } catch (error) {
        if (closed.aborted && !signal.aborted) return
        throw error
      }
      const batch = queue
      queue = []
      for (const row of batch) {
        signal.throwIfAborted()
        if (queue.length > WAITING)
          throw new OpError(`${title}: its rows are read too slowly: ${WAITING} are waiting`)
        yield restoreRow(declaration(), row)
      }
    }
  }

  return {
    rows,
    [Symbol.asyncIterator]: () => rows(),
    async last() {
      ownSignal?.throwIfAborted()
      const found = Promise.withResolvers<Readonly<Record<string, Wire>> | undefined>()
      await using _ = await bus.subscribe(channels.last, address, (last) => found.resolve(last))
      const timer = setTimeout(() => found.resolve(undefined), LAST_SECONDS * 1000)
      const last = await found.promise
      clearTimeout(timer)
      return last && restoreLast(declaration(), last)
    },
  }
}
