import type { Row } from '../../core/channels.ts'
import type { Spool } from './spool.ts'

/** Bytes of rows read at a time. */
const PIECE = 1 << 20

/**
 * Whether a spool holds a row of a block with these times (unix s). A process may die after its rows were
 * committed but before it knows: this keeps them from being taken twice. The newest epochs are searched
 * first.
 */
export function holds(spool: Spool, feed: string, block: string, t: readonly number[]): boolean {
  const same = (other: readonly number[]) => other.length === t.length && other.every((at, i) => at === t[i])
  for (const { epoch, first } of spool.held(feed).toReversed()) {
    for (let from = first; ; ) {
      const found = spool.read(feed, epoch, from, PIECE, t[0])
      if (!found || found.rows.length === 0) break
      const rows = found.rows.map(({ text }) => JSON.parse(text) as Row)
      if (rows.some((row) => row.block === block && same(row.t))) return true
      if ((rows.at(-1)?.t[0] ?? 0) > (t.at(-1) ?? 0)) break
      from = found.next
    }
  }
  return false
}

/** The last time, unix s, in the newest row of a feed in a spool. */
export function lastTime(spool: Spool, feed: string): number | undefined {
  const epoch = spool.held(feed).at(-1)
  const newest = epoch && spool.read(feed, epoch.epoch, epoch.last, PIECE)?.rows.at(-1)
  return newest && (JSON.parse(newest.text) as Row).t.at(-1)
}
