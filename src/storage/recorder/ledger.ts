import { z } from 'zod'
import { feedAddress } from '../../core/channels.ts'
import type { FeedEpoch } from '../../core/feed-sink.ts'
import { FieldType } from '../../core/wire.ts'
import { mustKnowVersion } from '../../machine/file-version.ts'
import type { WrittenFrame } from '../g3/hk.ts'

/** Seconds that an epoch other than its feed's newest stays in the ledger after it was last written. */
const KEEP = 90 * 86_400

const Entry = z.object({
  spool: z.string(),
  instance: z.string(),
  feed: z.string(),
  epoch: z.string(),
  /** The id of its provider in the files, once a file has data of it. */
  provider: z.int().optional(),
  /** The last seq in a synced file. */
  last: z.int(),
  /** Rows up to this one were recorded in another data directory. */
  begin: z.int().optional(),
  /** Its last row, once its spool has reported it. In earlier versions `end` was the last row they had. */
  end_row: z.int().optional(),
  /** When it was last written, unix s. */
  touched: z.number(),
})
/** The archive's state of an epoch. */
export type LedgerEntry = z.output<typeof Entry>

const Totals = z.object({ gaps: z.int(), rows: z.int() })
const VERSION = 1
/** What to do about recordings that a newer ocs has continued: nothing may be moved for that. */
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

/**
 * The state of every feed in a data directory: a recorder's whole state, written into the head of each file.
 */
export class Ledger {
  /** The data directory's UUID. */
  readonly dataDir: string
  /** Number of recorded gaps, and of the rows in them. */
  readonly gaps = { gaps: 0, rows: 0 }
  /** Generation of the newest file. */
  generation = 0
  /** Provider ids are never reused within an archive. */
  #nextProvider = 0
  readonly #epochs = new Map<string, LedgerEntry>()
  readonly #types = new Map<string, Map<string, FieldType>>()
  readonly #written = new WeakSet<LedgerEntry>()

  constructor(dataDir: string) {
    this.dataDir = dataDir
  }

  /**
   * The ledger in a file's head, and the files that were open when it was written.
   * @param file its name for messages
   * @throws SyntaxError, ZodError if the text is not a ledger; ConfigError if a newer ocs wrote it
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

  /** The ledger as text; `open` are the paths, in the directory, of other files that may still be written. */
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

  /**
   * Whether the head of some file tells where an epoch begins; frames alone tell it only for epochs that
   * begin with row 1.
   */
  tells(entry: LedgerEntry): boolean {
    return entry.begin === undefined || this.#written.has(entry)
  }

  get entries(): Iterable<LedgerEntry> {
    return this.#epochs.values()
  }

  find(from: FeedEpoch): LedgerEntry | undefined {
    return this.#epochs.get(epochKey(from))
  }

  /** An epoch's entry, created on first use. */
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

  /** The id of an epoch's provider, assigned on first use. */
  provider(entry: LedgerEntry): number {
    entry.provider ??= this.#nextProvider++
    return entry.provider
  }

  /** The archive's types of a feed's fields, by recorded name. */
  types(address: string): Map<string, FieldType> {
    const types = this.#types.get(address) ?? new Map<string, FieldType>()
    this.#types.set(address, types)
    return types
  }

  /** Notes that rows up to `last` are now in a synced file, `gaps` of them as gaps. */
  written(entry: LedgerEntry, last: number, gaps: readonly { first: number; last: number }[]): void {
    if (last <= entry.last) return
    entry.last = last
    entry.touched = Date.now() / 1000
    this.gaps.gaps += gaps.length
    for (const gap of gaps) this.gaps.rows += gap.last - gap.first + 1
  }

  /** Notes a frame found after the head from which this ledger was read; a known frame changes nothing. */
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

  /** Notes the rows of a file that is gone: spans by epoch. */
  held(generation: number, rows: Readonly<Record<string, readonly (readonly [number, number])[]>>): void {
    this.generation = Math.max(this.generation, generation)
    for (const [name, spans] of Object.entries(rows)) {
      const [instance = '', feed = '', epoch = ''] = name.split('/')
      const entry = this.entry({ spool: '', instance, feed, epoch })
      for (const [, last] of spans) this.written(entry, last, [])
    }
  }

  /** Drops epochs that ended long before `now` (unix s) and cannot come back. */
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

/** The key of an epoch in a data directory. */
export function epochKey({ instance, feed, epoch }: Omit<FeedEpoch, 'spool'>): string {
  return `${instance}/${feed}/${epoch}`
}
