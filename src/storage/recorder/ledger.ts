import { z } from 'zod'
import { feedAddress } from '../../core/channels.ts'
import type { FeedEpoch } from '../../core/feed-sink.ts'
import { FieldType } from '../../core/wire.ts'
import { mustKnowVersion } from '../../machine/file-version.ts'
import type { WrittenFrame } from '../g3/hk.ts'

/** Seconds an epoch that is not its feed's newest stays in the ledger after it was last written. */
const KEEP = 90 * 86_400

const Entry = z.object({
  spool: z.string(),
  instance: z.string(),
  feed: z.string(),
  epoch: z.string(),
  /** Its id in the files, once it has data in one. */
  provider: z.int().optional(),
  /** The last seq in a synced file. */
  last: z.int(),
  /** Rows up to it were recorded in another data directory. */
  begin: z.int().optional(),
  /** Its last row, once its spool has said so. What earlier versions called `end` was what they had. */
  end_row: z.int().optional(),
  /** When it was last written, unix s. */
  touched: z.number(),
})
/** An epoch as the archive knows it. */
export type LedgerEntry = z.output<typeof Entry>

const Totals = z.object({ gaps: z.int(), rows: z.int() })
const VERSION = 1
/** What to do about recordings that a newer ocs goes on with: nothing of them is ever to be moved for that. */
export const RECORD_ELSEWHERE = 'run the newer one, or record into another directory (--data-dir)'
const Versioned = z.object({ version: z.int() })
const Stored = z.object({
  version: z.literal(VERSION),
  data_dir: z.string(),
  next_provider: z.int(),
  epochs: z.array(Entry),
  types: z.record(z.string(), z.record(z.string(), FieldType)),
  open: z.array(z.string()),
  gaps: Totals,
})

/** What a data directory holds of every feed: a recorder's whole state, written into the head of each file. */
export class Ledger {
  /** The data directory's UUID. */
  readonly dataDir: string
  /** Gaps recorded, and the rows they are about. */
  readonly gaps = { gaps: 0, rows: 0 }
  /** Of the newest file. */
  generation = 0
  /** Ids of providers are given once in an archive. */
  #nextProvider = 0
  readonly #epochs = new Map<string, LedgerEntry>()
  readonly #types = new Map<string, Map<string, FieldType>>()
  readonly #written = new WeakSet<LedgerEntry>()

  constructor(dataDir: string) {
    this.dataDir = dataDir
  }

  /**
   * The ledger in a file's head, and the files that were open when it was written.
   * @param file what to call it
   * @throws SyntaxError, ZodError when the text is not a ledger; ConfigError when a newer ocs wrote it
   */
  static parse(
    text: string,
    generation: number,
    file = 'the ledger',
  ): { ledger: Ledger; open: readonly string[] } {
    const given: unknown = JSON.parse(text)
    mustKnowVersion(file, Versioned.parse(given).version, VERSION, RECORD_ELSEWHERE)
    const stored = Stored.parse(given)
    const ledger = new Ledger(stored.data_dir)
    ledger.generation = generation
    ledger.#nextProvider = stored.next_provider
    for (const entry of stored.epochs) {
      ledger.#epochs.set(epochKey(entry), entry)
      ledger.#written.add(entry)
    }
    for (const [address, types] of Object.entries(stored.types))
      ledger.#types.set(address, new Map(Object.entries(types)))
    Object.assign(ledger.gaps, stored.gaps)
    return { ledger, open: stored.open }
  }

  /** The ledger as text; `open` are the other files, by their path in the directory, that may still be written. */
  text(open: readonly string[]): string {
    for (const entry of this.#epochs.values()) this.#written.add(entry)
    const stored: z.input<typeof Stored> = {
      version: VERSION,
      data_dir: this.dataDir,
      next_provider: this.#nextProvider,
      epochs: [...this.#epochs.values()],
      types: Object.fromEntries(
        [...this.#types].map(([address, types]) => [address, Object.fromEntries(types)]),
      ),
      open: [...open],
      gaps: this.gaps,
    }
    return JSON.stringify(stored)
  }

  /** Whether some file's head tells where an epoch begins; frames alone say that of those that begin with row 1. */
  tells(entry: LedgerEntry): boolean {
    return entry.begin === undefined || this.#written.has(entry)
  }

  get entries(): Iterable<LedgerEntry> {
    return this.#epochs.values()
  }

  find(from: FeedEpoch): LedgerEntry | undefined {
    return this.#epochs.get(epochKey(from))
  }

  /** An epoch's entry, made when it is met first. */
  entry(from: FeedEpoch): LedgerEntry {
    const { spool, instance, feed, epoch } = from
    const known = this.#epochs.get(epochKey(from))
    if (known) {
      if (spool) known.spool = spool
      return known
    }
    const entry: LedgerEntry = { spool, instance, feed, epoch, last: 0, touched: Date.now() / 1000 }
    this.#epochs.set(epochKey(from), entry)
    return entry
  }

  /** The id of an epoch's provider, given when it is asked for first. */
  provider(entry: LedgerEntry): number {
    entry.provider ??= this.#nextProvider++
    return entry.provider
  }

  /** Types in the archive of a feed's fields, by the names they are recorded under. */
  types(address: string): Map<string, FieldType> {
    const types = this.#types.get(address) ?? new Map<string, FieldType>()
    this.#types.set(address, types)
    return types
  }

  /** Takes note of rows up to `last` that are in a synced file now, `gaps` of them as gaps. */
  written(entry: LedgerEntry, last: number, gaps: readonly { first: number; last: number }[]): void {
    if (last <= entry.last) return
    entry.last = last
    entry.touched = Date.now() / 1000
    this.gaps.gaps += gaps.length
    for (const gap of gaps) this.gaps.rows += gap.last - gap.first + 1
  }

  /** Takes note of a frame found behind the head this ledger came from; one that it knows changes nothing. */
  found(frame: WrittenFrame): void {
    if (frame.kind === 'session') return
    if (frame.kind === 'status') {
      for (const id of frame.providers) this.#nextProvider = Math.max(this.#nextProvider, id + 1)
      for (const gap of frame.gaps) this.written(this.entry(gap), gap.last, [gap])
      return
    }
    const { from, address, provider, last, gaps, types } = frame
    const entry = this.entry(from)
    entry.provider ??= provider
    this.#nextProvider = Math.max(this.#nextProvider, provider + 1)
    const known = this.types(address)
    for (const [field, type] of types) known.set(field, known.get(field) ?? type)
    this.written(entry, last, gaps)
  }

  /** Takes note of what a file held that is gone: spans of rows by epoch. */
  held(generation: number, rows: Readonly<Record<string, readonly (readonly [number, number])[]>>): void {
    this.generation = Math.max(this.generation, generation)
    for (const [name, spans] of Object.entries(rows)) {
      const [instance = '', feed = '', epoch = ''] = name.split('/')
      const entry = this.entry({ spool: '', instance, feed, epoch })
      for (const [, last] of spans) this.written(entry, last, [])
    }
  }

  /** Lets go of epochs that ended long before `now` (unix s) and can't come back. */
  prune(now: number): void {
    const newest = new Map<string, LedgerEntry>()
    for (const entry of this.#epochs.values()) {
      const feed = feedAddress('', entry.instance, entry.feed)
      if (entry.touched >= (newest.get(feed)?.touched ?? -Infinity)) newest.set(feed, entry)
    }
    const keep = new Set(newest.values())
    for (const [name, entry] of this.#epochs)
      if (!keep.has(entry) && entry.touched < now - KEEP) this.#epochs.delete(name)
  }
}

/** What an epoch is known by in a data directory. */
export function epochKey({ instance, feed, epoch }: Omit<FeedEpoch, 'spool'>): string {
  return `${instance}/${feed}/${epoch}`
}
