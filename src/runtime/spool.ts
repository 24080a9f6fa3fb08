import { Database, type SQLQueryBindings } from 'bun:sqlite'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { FeedDeclaration, HeldEpoch, Replayed, Row } from '../core/channels.ts'
import { ConfigError, messageOf } from '../core/errors.ts'

/** Seconds that acknowledged rows stay, for data nodes that start. */
export const RING = 3600
/** Milliseconds that a failing disk is tried again before waiting rows go out live, as a gap. */
const HOLD_MS = 5000
/** Milliseconds between tries of a failing disk. */
const RETRY_MS = 500
/** Rows deleted in one go, so that a full ring never holds up the event loop. */
const PRUNE_ROWS = 500

/** An epoch as the spool knows it. */
interface Epoch {
  readonly id: number
  readonly feed: string
  readonly epoch: string
  readonly declaration: FeedDeclaration
  readonly previous: { readonly epoch: string; readonly last: number } | undefined
  first: number
  last: number
  acked: number
}
interface Waiting {
  readonly feed: string
  readonly declaration: FeedDeclaration
  readonly row: Omit<Row, 'seq'>
}
type Body = Omit<Row, 'seq' | 'epoch'>
/** What a commit changes in memory, once it has happened. */
interface Written {
  readonly begun: readonly Epoch[]
  readonly last: ReadonlyMap<Epoch, number>
  readonly rows: ReadonlyMap<string, readonly Row[]>
}

/** Called with rows once they are durable, or with rows that could not be made so (then without seq). */
export type Committed = (feed: string, rows: readonly Row[]) => void

/**
 * An agent's samples on disk until they are in a recorder's file, and an hour longer: one SQLite file, one owner.
 * Rows are committed in groups; a row exists once it is committed.
 */
export class Spool {
  /** New with each new file, so that a recorder sees when one was lost. */
  readonly id: string
  readonly #db: Database
  readonly #epochs = new Map<string, Epoch[]>()
  readonly #insert
  #queue: Waiting[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  #failingSince: number | undefined
  #dirty = new Set<Epoch>()
  #onCommitted: Committed = () => {}
  #onTrouble: (text: string) => void = () => {}
  /** Samples that went out without being on disk. */
  unspooled = 0

  /**
   * Opens, or makes, the spool file and locks it for this process (`kill -9` frees the lock).
   * @throws ConfigError when another process has it, or it cannot be written
   */
  constructor(path: string) {
    try {
      mkdirSync(dirname(path), { recursive: true })
      this.#db = new Database(path, { create: true, strict: true })
      this.#db.run('PRAGMA locking_mode = EXCLUSIVE')
      this.#db.run('PRAGMA journal_mode = WAL')
      this.#db.run('PRAGMA synchronous = FULL')
      this.#db.run(`CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT`)
      this.#db.run(`CREATE TABLE IF NOT EXISTS epochs(id INTEGER PRIMARY KEY, feed TEXT NOT NULL, epoch TEXT NOT NULL UNIQUE,
        declaration TEXT NOT NULL, previous TEXT, last INTEGER NOT NULL, acked INTEGER NOT NULL) STRICT`)
      this.#db.run(`CREATE TABLE IF NOT EXISTS rows(epoch INTEGER NOT NULL, seq INTEGER NOT NULL, t REAL NOT NULL,
        body TEXT NOT NULL, PRIMARY KEY(epoch, seq)) STRICT, WITHOUT ROWID`)
      this.#db.run("INSERT OR IGNORE INTO meta VALUES ('spool', ?)", [crypto.randomUUID()])
    } catch (cause) {
      const busy = /locked|busy/i.test(messageOf(cause))
      throw new ConfigError(
        busy
          ? `${path} is in use: this instance already runs on this machine`
          : `${path}: ${messageOf(cause)}: check the folder, or choose another with --state-dir`,
        { cause },
      )
    }
    this.id = this.#one<{ value: string }>("SELECT value FROM meta WHERE key = 'spool'")?.value ?? ''
    this.#insert = this.#db.query('INSERT INTO rows(epoch, seq, t, body) VALUES (?, ?, ?, ?)')
    this.#load()
  }

  /** Who hears of committed rows, and of a disk that cannot be written. */
  listen(onCommitted: Committed, onTrouble: (text: string) => void): void {
    this.#onCommitted = onCommitted
    this.#onTrouble = onTrouble
  }

  /** Queues one row, which begins its epoch when it is the first of it. It is committed soon, with all that waits then. */
  append(feed: string, declaration: FeedDeclaration, row: Omit<Row, 'seq'>): void {
    this.#queue.push({ feed, declaration, row })
    this.#timer ??= setTimeout(() => this.flush(), 0)
  }

  /** Commits all that waits, now. Returns whether it is on disk. */
  flush(): boolean {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const batch = this.#queue
    if (batch.length === 0 && this.#dirty.size === 0) return true
    let written: Written
    try {
      written = this.#db.transaction(() => this.#write(batch))()
    } catch (error) {
      this.#failed(batch, messageOf(error))
      return false
    }
    this.#queue = []
    this.#dirty.clear()
    for (const epoch of written.begun) this.#epochsOf(epoch.feed).push(epoch)
    for (const [epoch, last] of written.last) epoch.last = last
    if (this.#failingSince !== undefined) this.#onTrouble('the spool can be written again')
    this.#failingSince = undefined
    for (const [feed, rows] of written.rows) this.#onCommitted(feed, rows)
    return true
  }

  /** What is held of a feed's epochs, oldest first; for presence. */
  held(feed: string): HeldEpoch[] {
    return (this.#epochs.get(feed) ?? [])
      .filter(({ first, last }) => last >= first)
      .map(({ epoch, first, last, acked }) => ({ epoch, first, last, acked }))
  }
  feeds(): string[] {
    return [...this.#epochs.keys()]
  }

  /** The newest epoch of a feed; its declaration tells whether the present one differs. */
  newest(feed: string): { readonly epoch: string; readonly last: number } | undefined {
    return this.#epochs.get(feed)?.at(-1)
  }

  /**
   * Rows of an epoch from `from` on (or, where later, from unix time `since` on), up to `maxBytes` of JSON,
   * at least one; what is gone is named as a gap. Undefined for an epoch that is not held.
   */
  read(feed: string, epoch: string, from: number, maxBytes: number, since?: number): Replayed | undefined {
    const found = this.#epochs.get(feed)?.find((e) => e.epoch === epoch)
    if (!found) return undefined
    const start = since === undefined ? from : Math.max(from, this.#firstAt(found, since))
    const rows: Row[] = []
    let bytes = 0
    let next = start
    let gap: { from: number; to: number } | undefined
    const query = this.#db.query('SELECT seq, body FROM rows WHERE epoch = ? AND seq >= ? ORDER BY seq')
    for (const stored of query.iterate(found.id, start) as Iterable<{ seq: number; body: string }>) {
      if (stored.seq > next) {
        if (rows.length > 0) break
        gap = { from: start, to: stored.seq - 1 }
      }
      bytes += stored.body.length + 64
      if (rows.length > 0 && bytes > maxBytes) break
      rows.push({ epoch, seq: stored.seq, ...(JSON.parse(stored.body) as Body) })
      next = stored.seq + 1
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

  /** The recorder has rows up to `seq` in a synced file. */
  acknowledge(feed: string, epoch: string, seq: number): void {
    const found = this.#epochs.get(feed)?.find((e) => e.epoch === epoch)
    if (!found || seq <= found.acked) return
    found.acked = Math.min(seq, found.last)
    this.#dirty.add(found)
  }

  /**
   * Lets go of rows older than the ring that are acknowledged (`recorded` false: that nobody records), a slice at a
   * time. Returns whether there is more to let go of.
   */
  prune(now: number, recorded: boolean): boolean {
    let more = false
    for (const list of this.#epochs.values()) {
      for (const epoch of [...list]) {
        const upTo = recorded ? epoch.acked : epoch.last
        const { changes } = this.#db.run(
          `DELETE FROM rows WHERE epoch = ? AND seq IN
            (SELECT seq FROM rows WHERE epoch = ? AND seq <= ? AND t < ? ORDER BY seq LIMIT ${PRUNE_ROWS})`,
          [epoch.id, epoch.id, upTo, now - RING],
        )
        if (changes > 0) epoch.first = this.#firstSeq(epoch)
        if (changes === PRUNE_ROWS) more = true
        if (epoch.first > epoch.last && epoch !== list.at(-1)) {
          this.#db.run('DELETE FROM epochs WHERE id = ?', [epoch.id])
          this.#dirty.delete(epoch)
          list.splice(list.indexOf(epoch), 1)
        }
      }
    }
    return more
  }

  /** Commits what waits and lets go of the file. */
  close(): void {
    this.flush()
    clearTimeout(this.#timer)
    this.#db.close()
  }

  #write(batch: readonly Waiting[]): Written {
    const begun: Epoch[] = []
    const last = new Map<Epoch, number>()
    const rows = new Map<string, Row[]>()
    for (const waiting of batch) {
      const { feed, row } = waiting
      let epoch = begun.findLast((e) => e.feed === feed) ?? this.#epochsOf(feed).at(-1)
      if (epoch?.epoch !== row.epoch) {
        epoch = this.#begin(waiting, epoch && { epoch: epoch.epoch, last: last.get(epoch) ?? epoch.last })
        begun.push(epoch)
      }
      const seq = (last.get(epoch) ?? epoch.last) + 1
      const { epoch: _, ...body } = row
      this.#insert.run(epoch.id, seq, row.t[0] ?? 0, JSON.stringify(body))
      last.set(epoch, seq)
      const committed = rows.get(feed) ?? []
      committed.push({ ...row, seq })
      rows.set(feed, committed)
    }
    for (const epoch of new Set([...this.#dirty, ...last.keys()])) {
      const values = [last.get(epoch) ?? epoch.last, epoch.acked, epoch.id]
      this.#db.run('UPDATE epochs SET last = ?, acked = ? WHERE id = ?', values)
    }
    return { begun, last, rows }
  }

  #begin({ feed, declaration, row }: Waiting, previous: Epoch['previous']): Epoch {
    const { lastInsertRowid } = this.#db.run(
      'INSERT INTO epochs(feed, epoch, declaration, previous, last, acked) VALUES (?, ?, ?, ?, 0, 0)',
      [feed, row.epoch, JSON.stringify(declaration), previous ? JSON.stringify(previous) : null],
    )
    const id = Number(lastInsertRowid)
    return { id, feed, epoch: row.epoch, declaration, previous, first: 1, last: 0, acked: 0 }
  }

  #epochsOf(feed: string): Epoch[] {
    const list = this.#epochs.get(feed) ?? []
    this.#epochs.set(feed, list)
    return list
  }

  /** Keeps what waits for a while; then lets it go out live, its seqs used up, so that every reader sees the gap. */
  #failed(batch: readonly Waiting[], why: string): void {
    const now = performance.now()
    if (this.#failingSince === undefined) this.#onTrouble(`the spool cannot be written: ${why}`)
    this.#failingSince ??= now
    if (now - this.#failingSince > HOLD_MS) {
      this.#queue = []
      for (const { feed, row } of batch) {
        this.unspooled += row.t.length
        const epoch = this.#epochs.get(feed)?.at(-1)
        if (epoch?.epoch === row.epoch) {
          epoch.last++
          this.#dirty.add(epoch)
        }
        this.#onCommitted(feed, [row])
      }
    }
    this.#timer ??= setTimeout(() => this.flush(), RETRY_MS)
  }

  #load(): void {
    const stored = this.#db.query('SELECT * FROM epochs ORDER BY id').all() as {
      id: number
      feed: string
      epoch: string
      declaration: string
      previous: string | null
      last: number
      acked: number
    }[]
    for (const { id, feed, epoch, declaration, previous, last, acked } of stored) {
      const entry: Epoch = {
        id,
        feed,
        epoch,
        declaration: JSON.parse(declaration) as FeedDeclaration,
        previous: previous === null ? undefined : (JSON.parse(previous) as { epoch: string; last: number }),
        first: 1,
        last,
        acked,
      }
      entry.first = this.#firstSeq(entry)
      this.#epochsOf(feed).push(entry)
    }
  }

  #firstSeq({ id, last }: Epoch): number {
    const found = this.#one<{ seq: number | null }>('SELECT MIN(seq) AS seq FROM rows WHERE epoch = ?', id)
    return found?.seq ?? last + 1
  }

  /** The first seq of an epoch at or after a time: times never run back within an epoch. */
  #firstAt({ id, first, last }: Epoch, since: number): number {
    let [low, high] = [first, last + 1]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const row = this.#one<{ t: number }>('SELECT t FROM rows WHERE epoch = ? AND seq = ?', id, middle)
      if (row && row.t >= since) high = middle
      else low = middle + 1
    }
    return low
  }

  #one<T>(sql: string, ...values: SQLQueryBindings[]): T | undefined {
    return (this.#db.query(sql).get(...values) as T | null) ?? undefined
  }
}
