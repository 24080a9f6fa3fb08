import type { HeldEpoch } from '../channels.ts'

type Held = { readonly epochs: readonly Pick<HeldEpoch, 'first' | 'last' | 'acked'>[] }

/** Rows that an agent holds and that are not known to be recorded, summed over some of its feeds. */
export function waitingRows(feeds: Readonly<Record<string, Held>>): number {
  const epochs = Object.values(feeds).flatMap((feed) => feed.epochs)
  return epochs.reduce(
    (sum, { first, last, acked }) => sum + Math.max(0, last - Math.max(acked, first - 1)),
    0,
  )
}
