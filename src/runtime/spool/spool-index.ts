import type { Database, SQLQueryBindings } from 'bun:sqlite'
import type { FeedDeclaration, HeldEpoch } from '../../core/channels.ts'
import type { Batch, Done, StoredEpoch } from './spool-file.ts'
import { type SpoolAnswer, type StoredRow, storedRow } from './stored-rows.ts'

/** An epoch as the running agent knows it. */
export interface Epoch {
  readonly id: number
  readonly feed: string
  readonly epoch: string
  readonly declaration: FeedDeclaration
  readonly previous: { readonly epoch: string; readonly last: number } | undefined
  first: number
  /** The last committed seq, the last one published without being on disk, and the last one assigned. */
  last: number
  sent: number
  given: number
  acked: number
}
/**
 * The most epochs listed per feed: this many of the newest, and as many of the oldest that are not recorded.
 */
const LISTED_NEWEST = 20
const LISTED_OLDEST = 80
/** The most epochs of a feed from which one round deletes rows. */
const PRUNED = 100

/** The epochs and seqs of a spool, and reading of its rows. Reading does not wait for the writing thread. */
export class SpoolIndex {
  readonly spool: string
  readonly #db: Database
  readonly #epochs = new Map<string, Epoch[]>()
  #begun: StoredEpoch[] = []
  #nextId = 1

  constructor(db: Database) {
    this.#db = db
    this.spool = this.#one<{ value: string }>("SELECT value FROM meta WHERE key = 'spool'")?.value ?? ''
    const stored = db.query('SELECT * FROM epochs ORDER BY id').all() as StoredEpoch[]
    for (const { id, feed, epoch, declaration, previous, last, acked } of stored) {
      const min = this.#one<{ first: number | null }>(
        'SELECT MIN(seq) AS first FROM rows WHERE epoch = ?',
        id,
      )
      this.#listOf(feed).push({
        id,
        feed,
        epoch,
        declaration: JSON.parse(declaration) as FeedDeclaration,
        previous: previous === null ? undefined : (JSON.parse(previous) as { epoch: string; last: number }),
        // Rows that are neither here nor recorded are lost: readers must learn of that.
        first: min?.first ?? Math.min(acked, last) + 1,
        last,
        sent: 0,
        given: last,
        acked,
      })
      this.#nextId = id + 1
    }
  }

  feeds(): string[] {
    return [...this.#epochs.keys()]
  }
  newest(feed: string): Epoch | undefined {
    return this.#epochs.get(feed)?.at(-1)
  }
  find(feed: string, epoch: string): Epoch | undefined {
    return this.#epochs.get(feed)?.find((known) => known.epoch === epoch)
  }
  /** All epochs of a feed, oldest first. */
  epochs(feed: string): readonly Readonly<Epoch>[] {
    return this.#epochs.get(feed) ?? []
  }
  /** Rows of a feed that are not known to be recorded, including those already deleted from the spool. */
  unrecorded(feed: string): number {
    return this.epochs(feed).reduce((sum, epoch) => sum + unrecordedOf(epoch), 0)
  }
  /** The time of the first sample of a row, unix s; undefined if the row does not exist. */
  timeOf({ id }: Readonly<Epoch>, seq: number): number | undefined {
    return this.#one<{ t: number }>('SELECT t FROM rows WHERE epoch = ? AND seq = ?', id, seq)?.t
  }
  /**
   * The epochs held of a feed, oldest first; if there are many, only the oldest unrecorded ones and the
   * newest.
   */
  held(feed: string): HeldEpoch[] {
    const all = this.epochs(feed)
      .map((epoch) => ({ ...epoch, last: headOf(epoch) }))
      .filter(({ first, last }) => last >= first)
    const newest = Math.max(0, all.length - LISTED_NEWEST)
    const listed: HeldEpoch[] = []
    let skipped = 0
    for (const [at, { epoch, first, last, acked }] of all.entries()) {
      const wanted =
        at >= newest || (listed.length < LISTED_OLDEST && (acked < last || newest <= LISTED_OLDEST))
      if (wanted) listed.push({ epoch, first, last, acked, ...(skipped > 0 && { skipped }) })
      if (wanted) skipped = 0
      else if (acked < last) skipped++
    }
    return listed
  }

  /** The last seq assigned in each epoch, by the epoch's id. */
  given(): Map<number, number> {
    return new Map([...this.#epochs.values()].flat().map(({ id, given }) => [id, given]))
  }

  /**
   * What may be deleted: recorded rows (`recorded` false: all rows) up to `old`, a seq by epoch id, and ended
   * epochs that no longer hold anything to report.
   */
  prunable(recorded: boolean, old: ReadonlyMap<number, number>): Batch['prune'] {
    const found: Batch['prune'][number][] = []
    for (const list of this.#epochs.values()) {
      const ofFeed: typeof found = []
      for (const [at, { id, first, last, acked }] of list.entries()) {
        const told = recorded ? acked : last
        const upTo = Math.min(told, old.get(id) ?? 0)
        const end = at < list.length - 1 && told >= last
        if (end || first <= upTo) ofFeed.push({ id, upTo, end })
        if (ofFeed.length >= PRUNED) break
      }
      found.push(...ofFeed)
    }
    return found
  }

  /** Begins an epoch; it names the previous one and that one's last seq. */
  begin(feed: string, name: string, declaration: FeedDeclaration): Epoch {
    const before = this.newest(feed)
    const previous = before && { epoch: before.epoch, last: before.given }
    const id = this.#nextId++
    const epoch: Epoch = {
      id,
      feed,
      epoch: name,
      declaration,
      previous,
      first: 1,
      last: 0,
      sent: 0,
      given: 0,
      acked: 0,
    }
    this.#listOf(feed).push(epoch)
    const stored = { id, feed, epoch: name, declaration: JSON.stringify(declaration), last: 0, acked: 0 }
    this.#begun.push({ ...stored, previous: previous ? JSON.stringify(previous) : null })
    return epoch
  }
  /** The epochs begun since the last call, for the next commit. */
  takeBegun(): StoredEpoch[] {
    return this.#begun.splice(0)
  }

  /** Rows and epochs were deleted from the file. */
  forget({ firsts, ended }: Exclude<Done, { error: string }>): void {
    const gone = new Set(ended)
    for (const list of this.#epochs.values()) {
      for (const epoch of [...list]) {
        const first = firsts[epoch.id]
        if (first !== undefined) epoch.first = first === 0 ? epoch.last + 1 : first
        if (gone.has(epoch.id)) list.splice(list.indexOf(epoch), 1)
      }
    }
  }

  /**
   * Rows of an epoch from `from` on (or from unix time `since` on, if that is later), up to `maxBytes` of
   * JSON, at least one; missing rows are reported as a gap.
   */
  read(feed: string, epoch: string, from: number, maxBytes: number, since?: number): SpoolAnswer {
    const found = this.find(feed, epoch)
    if (!found) return notHeld(feed, epoch, from)
    const start = since === undefined ? from : Math.max(from, this.#firstAt(found, since))
    const rows: StoredRow[] = []
    let bytes = 0
    let next = start
    let gap: { from: number; to: number } | undefined
    const query = this.#db.query(
      'SELECT seq, body FROM rows WHERE epoch = ? AND seq >= ? AND seq <= ? ORDER BY seq',
    )
    const stored = query.iterate(found.id, start, found.last) as Iterable<{ seq: number; body: string }>
    for (const { seq, body } of stored) {
      if (seq > next) {
        if (rows.length > 0) break
        gap = { from: start, to: seq - 1 }
      }
      bytes += body.length + 64
      if (rows.length > 0 && bytes > maxBytes) break
      rows.push(storedRow(epoch, seq, body))
      next = seq + 1
    }
    if (rows.length === 0 && start <= found.last) {
      gap = { from: start, to: found.last }
      next = found.last + 1
    }
    const { declaration, previous, last } = found
    return {
      feed,
      epoch,
      rows,
      declaration,
      next,
      head: last,
      ...(previous && { previous }),
      ...(gap && { gap }),
    }
  }

  /**
   * The first seq of an epoch at or after a time: times within an epoch are almost in order (its blocks
   * interleave).
   */
  #firstAt({ id, first, last }: Epoch, since: number): number {
    const at = 'SELECT seq, t FROM rows WHERE epoch = ? AND seq >= ? ORDER BY seq LIMIT 1'
    let [low, high] = [first, last + 1]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const row = this.#one<{ seq: number; t: number }>(at, id, middle)
      if (row && row.t < since) low = row.seq + 1
      else high = middle
    }
    return low
  }

  #listOf(feed: string): Epoch[] {
    const list = this.#epochs.get(feed) ?? []
    this.#epochs.set(feed, list)
    return list
  }

  #one<T>(sql: string, ...values: SQLQueryBindings[]): T | undefined {
    return (this.#db.query(sql).get(...values) as T | null) ?? undefined
  }
}

/** The last seq that readers may know of. */
export function headOf({ last, sent }: Readonly<Epoch>): number {
  return Math.max(last, sent)
}

/** Rows of an epoch that are not known to be recorded, including those already deleted from the spool. */
export function unrecordedOf(epoch: Readonly<Epoch>): number {
  return Math.max(0, headOf(epoch) - epoch.acked)
}

/** The answer for an epoch that no spool holds: no rows, and none to wait for. */
export function notHeld(feed: string, epoch: string, from: number): SpoolAnswer {
  return { feed, epoch, rows: [], next: from, head: from - 1 }
}
