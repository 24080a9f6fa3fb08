import { type FeedDeclaration, feedAddress, type Row } from '../../core/channels.ts'
import type { FeedEpoch } from '../../core/feed-sink.ts'
import type { FieldType } from '../../core/wire.ts'
import { type BlockPlan, convert, cutRow, inOrder, planBlock } from './frame-columns.ts'
import type { Sealed } from './g3-files.ts'
import type { LedgerEntry } from './ledger.ts'
import { OpenFrame } from './open-frame.ts'
import type { Span } from './spans.ts'

/** Bytes at which a frame closes. */
const FRAME_BYTES = 4 << 20
/** Seconds after which a frame without samples closes. */
const GAP_SECONDS = 1

/** What a provider reports to its recorder, and needs from it. */
export interface ProviderHost {
  readonly root: string
  /** Rows of files that are gone, to be fetched again; other rows that are recorded already are skipped. */
  readonly holes: readonly Span[]
  /** The archive's types of the feed's fields. */
  readonly types: Map<string, FieldType>
  /** Maximum seconds of data in a frame, in place of the declared value; and the upper limit for either. */
  readonly frameLength: number | undefined
  readonly maxLength: number
  /** Samples from `start` (unix s) on begin a frame. */
  begun(start: number): void
  sealed(frame: Sealed): void
  /** Rows took about this many bytes. */
  took(bytes: number): void
  quarantined(): void
  /** A row's times lie before those of earlier rows. */
  clockBack(): void
  /** A field is recorded under another name. */
  renamed(): void
  event(level: 'info' | 'warning' | 'error', kind: string, text: string): void
}

/** One epoch of a feed that is being recorded: turns its rows into frames, in order. */
export class Provider {
  readonly from: FeedEpoch
  readonly address: string
  readonly entry: LedgerEntry
  /** The last seq recorded before. */
  readonly recorded: number
  /** The last seq taken. */
  taken: number
  /** When rows last came (unix s), and of which block. */
  lastRefresh = 0
  lastBlock = ''
  /** Seconds between two samples of its fastest field; undefined if not declared. */
  rhythm: number | undefined
  readonly #host: ProviderHost
  readonly #plans = new Map<string, BlockPlan>()
  readonly #names = new Set<string>()
  /** Time of the last sample by block. */
  readonly #ends = new Map<string, number>()
  #frame: OpenFrame | undefined
  #timer: Timer | undefined
  #complaint = ''

  constructor(from: FeedEpoch, entry: LedgerEntry, host: ProviderHost) {
    this.from = from
    this.address = feedAddress(host.root, from.instance, from.feed)
    this.entry = entry
    this.recorded = entry.last
    this.taken = Math.min(entry.last, (host.holes[0]?.first ?? Infinity) - 1)
    this.#host = host
  }

  /** When its open frame begins, unix s; Infinity without one. */
  get start(): number {
    return this.#frame?.start ?? Infinity
  }

  /** Takes the row after the last one taken. */
  take(declaration: FeedDeclaration, given: Row): void {
    const seq = this.taken + 1
    if (seq <= this.recorded && !this.#host.holes.some(({ first, last }) => seq >= first && seq <= last)) {
      this.pass(seq)
      return
    }
    const row = inOrder(given)
    this.lastRefresh = Date.now() / 1000
    this.lastBlock = row.block
    const plan = this.#plans.get(row.block) ?? this.#plan(declaration, row.block)
    const columns = plan ? convert(plan, row) : `block ${row.block} is not declared`
    if (!plan || typeof columns === 'string') {
      this.leaveOut(seq, String(columns))
      return
    }
    const [before, [begin = 0]] = [this.#ends.get(row.block) ?? 0, row.t]
    if (row !== given || begin < before) this.#wentBack(seq, begin, before)
    const { frameLength: length = declaration.frame_length, maxLength } = this.#host
    const parts = cutRow(row.t, maxLength)
    for (const [from, to] of parts) {
      const t = row.t.slice(from, to)
      const cells = parts.length === 1 ? columns : columns.map((column) => column.slice(from, to))
      const last = to === row.t.length
      const [start = 0, end = 0] = [t[0], t.at(-1)]
      if (!last || parts.length > 1 || !this.#frame?.takes(start, end, Math.min(length, maxLength)))
        this.seal()
      // Late data of several logs or feeds fill the same files, so none of their frames may extend across
      // two.
      const isLate = start < this.lastRefresh - maxLength
      const frame = this.#open(length, isLate ? maxLength + 1 : Infinity)
      if (frame.empty) this.#host.begun(start)
      this.#host.took(last ? frame.add(plan, { t }, cells) : frame.addPart(plan, t, cells))
      if (frame.bytes >= FRAME_BYTES && last) this.seal()
    }
    this.taken = seq
    this.#ends.set(row.block, row.t.at(-1) ?? 0)
  }

  /** Rows up to `last` are recorded already, or are left where they are. */
  pass(last: number): void {
    if (last <= this.taken) return
    this.seal()
    this.taken = last
  }

  /** Leaves out the next row, `seq`, which does not fit. */
  leaveOut(seq: number, why: string): void {
    this.#host.quarantined()
    this.complain('quarantine', why, `row ${seq} was dropped: ${why}`)
    this.#skip(seq, seq, `quarantined: ${why}`)
  }

  /** Rows up to `last` are lost. */
  gap(last: number, reason: string): void {
    this.seal()
    this.#skip(this.taken + 1, last, reason)
    this.seal()
  }

  /** Hands over the open frame, if there is one. */
  seal(): void {
    clearTimeout(this.#timer)
    const frame = this.#frame
    this.#frame = undefined
    if (frame) this.#host.sealed({ from: this.from, entry: this.entry, frame })
  }

  /** Reports a problem of the feed, once while it stays the same. */
  complain(kind: string, reason: string, text: string): void {
    if (reason !== this.#complaint) this.#host.event('warning', kind, `${this.address}: ${text}`)
    this.#complaint = reason
  }

  /** After this, our own agents begin another epoch; for others every row is recorded anyway, at its time. */
  #wentBack(seq: number, begin: number, before: number): void {
    this.#host.clockBack()
    const order =
      begin < before ? `is of ${day(begin)}, after one of ${day(before)}` : 'has times out of order'
    const text = `row ${seq} ${order}: recorded anyway; is its agent's clock right?`
    this.complain('clock', 'times run back', text)
  }

  #plan(declaration: FeedDeclaration, block: string): BlockPlan | undefined {
    const plan = planBlock(declaration, block, this.#host.types, this.#names)
    if (!plan) return undefined
    this.#plans.set(block, plan)
    this.rhythm = quickest(declaration)
    for (const { field, name, type } of plan.fields) {
      if (name === field) continue
      this.#host.renamed()
      const text = `${field} of block ${block} (${type}) is recorded as ${name}: the archive has another ${field}`
      this.#host.event('warning', 'renamed', `${this.address}: ${text}`)
    }
    return plan
  }

  #skip(first: number, last: number, reason: string): void {
    const { spool, instance, feed, epoch } = this.from
    const frame = this.#open(GAP_SECONDS)
    this.#host.took(frame.skip({ spool, instance, feed, epoch, first, last, reason }))
    this.taken = last
  }

  /** The open frame; a new one closes by itself after `length` seconds. */
  #open(length: number, grid?: number): OpenFrame {
    if (this.#frame) return this.#frame
    this.#timer = setTimeout(() => this.seal(), length * 1000)
    this.#frame = new OpenFrame(this.taken + 1, grid)
    return this.#frame
  }
}

/** A time (unix s) as text, UTC. */
function day(time: number): string {
  return new Date(time * 1000).toISOString()
}

/** The shortest sampling interval that fields declare, s. */
function quickest({ blocks }: FeedDeclaration): number | undefined {
  const rhythms = Object.values(blocks).flatMap((fields) => Object.values(fields).map(({ rhythm }) => rhythm))
  const [first] = rhythms.filter((rhythm) => rhythm !== undefined).sort((a, b) => a - b)
  return first
}
