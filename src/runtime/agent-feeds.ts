import type { Bus } from '../bus/bus.ts'
import { channels, type FeedDeclaration, type Presence, type Row } from '../core/channels.ts'
import type { FeedPublisher, FeedSpec } from '../core/feed-spec.ts'
import { type Wire, withText } from '../core/wire.ts'
import type { Counters } from './counters.ts'
import { FeedWriter } from './feed.ts'
import { Pace, UNTIL_BEAT_MS } from './pace.ts'
import { RowBuffer } from './row-buffer.ts'
import type { Spool } from './spool/spool.ts'

interface FeedsHost {
  readonly bus: Bus
  readonly root: string
  readonly instance: string
  readonly agentClass: string
  /** Where recorded rows are kept; without a spool they are only published live, without seq. */
  readonly spool: Spool | undefined
  readonly counters: Counters
  /** Gets rows once they are durable, for display in a terminal. */
  onRows(feed: string, declaration: FeedDeclaration, rows: readonly Row[]): void
  event(level: 'info' | 'warning' | 'error', kind: string, text: string): void
  /** A declaration changed. */
  declared(): void
  /** The spool holds a new epoch. */
  begun(): void
}

/** A published row, and its JSON if it has been in the spool. */
interface Sent {
  readonly row: Row
  readonly text?: string
}

/**
 * The newest row of each block of a feed, the newest last, and when they are published as its last values.
 */
interface Last {
  readonly rows: Map<string, Row>
  readonly pace: Pace
}

/** All feeds of one agent: the path from operations through the spool to the bus. */
export class AgentFeeds {
  readonly #host: FeedsHost
  readonly #buffers: RowBuffer[] = []
  #instrument: unknown
  readonly #writers = new Map<string, FeedWriter>()
  readonly #recorded = new Set<string>()
  readonly #last = new Map<string, Last>()

  constructor(specs: Readonly<Record<string, FeedSpec<never>>>, host: FeedsHost) {
    this.#host = host
    for (const [feed, spec] of Object.entries(specs)) this.open(feed, spec)
    if (host.spool) host.counters.source(() => host.spool?.counters ?? {})
    host.spool?.listen(
      (feed, rows) => this.#out(feed, rows),
      (text) => host.event('error', 'spool', text),
    )
  }

  /** Opens a feed and returns its publisher. */
  open(feed: string, spec: FeedSpec<never>): FeedPublisher {
    const host = this.#host
    if (spec.record) this.#recorded.add(feed)
    const buffer = new RowBuffer(spec.buffer_time ?? 0, (declaration, row) => {
      if (spec.record && host.spool) host.spool.append(feed, declaration, row)
      else this.#out(feed, [{ row }])
    })
    this.#buffers.push(buffer)
    const writer = new FeedWriter(spec, host.agentClass, {
      row: (declaration, row) => buffer.add(declaration, row),
      message: (message) => {
        const { bus, root, instance } = host
        if (!bus.connected) host.counters.add('unsent')
        const text = withText({ time: Date.now() / 1000 }, 'message', message)
        void bus.publishText(channels.message, { root, instance, feed }, text)
      },
      outOfRange: (field, count) => {
        host.counters.add('out_of_range', count)
        host.counters.add(`out_of_range ${feed}.${field}`, count)
      },
      quarantined: (reason, isNew) => {
        host.counters.add('quarantined')
        if (isNew) host.event('warning', 'quarantine', `${feed}: left out: ${reason}`)
      },
      declared: () => host.declared(),
      newEpoch: (reason) => host.event('info', 'epoch', `${feed}: a new epoch begins: ${reason}`),
    })
    this.#writers.set(feed, writer)
    if (this.#instrument) writer.connected(this.#instrument)
    return writer
  }

  /** The publisher of a feed; undefined if there is no feed of this name. */
  publisher(feed: string): FeedPublisher | undefined {
    return this.#writers.get(feed)
  }
  /** The publishers for operations, by feed. */
  get publishers(): Record<string, FeedPublisher> {
    return Object.fromEntries(this.#writers)
  }
  get declarations(): Record<string, FeedDeclaration> {
    return Object.fromEntries([...this.#writers].map(([feed, { declaration }]) => [feed, declaration]))
  }

  /** The instrument is known: declarations may depend on it. */
  connected(instrument: unknown): void {
    this.#instrument = instrument
    for (const writer of this.#writers.values()) writer.connected(instrument)
  }

  /** The contents of the spool, for presence. */
  held(): NonNullable<Presence['feeds']> {
    const { spool } = this.#host
    if (!spool) return {}
    return Object.fromEntries(
      spool.feeds().map((feed) => [feed, { spool: spool.id, epochs: spool.held(feed) }]),
    )
  }

  /** Publishes the last values again, to a hub that has lost them. */
  republish(): void {
    for (const feed of this.#last.keys()) this.#publishLast(feed)
  }

  /** Publishes the pending last values, with the agent's beat. */
  beat(): void {
    for (const { pace } of this.#last.values()) pace.flush()
  }

  /** Sends the rows that are still buffered. */
  close(): void {
    for (const buffer of this.#buffers) buffer.flush()
  }

  /** Publishes the pending last values after the last rows, and nothing more after that. */
  end(): void {
    for (const { pace } of this.#last.values()) pace.end()
  }

  #out(feed: string, sent: readonly Sent[]): void {
    const { bus, root, instance, spool, counters } = this.#host
    const rows = sent.map(({ row }) => row)
    // Readers learn of an epoch from presence: its first row must not wait for the next beat.
    if (rows.some(({ seq }) => seq === 1)) this.#host.begun()
    // The spool itself counts what it could not keep.
    if (!bus.connected && !(spool && this.#recorded.has(feed))) counters.add('unsent', rows.length)
    const address = { root, instance, feed }
    for (const { row, text } of sent)
      void bus.publishText(channels.feed, address, text ?? JSON.stringify(row))
    const declaration = this.#writers.get(feed)?.declaration
    if (declaration) this.#host.onRows(feed, declaration, rows)
    for (const row of rows) this.#keepLast(feed, row)
  }

  #keepLast(feed: string, row: Row): void {
    const last = this.#last.get(feed) ?? { rows: new Map(), pace: new Pace(() => this.#publishLast(feed)) }
    this.#last.set(feed, last)
    last.rows.delete(row.block)
    last.rows.set(row.block, row)
    // A client that needs every value follows the rows.
    last.pace.within(UNTIL_BEAT_MS)
  }

  #publishLast(feed: string): void {
    const last = this.#last.get(feed)
    if (!last) return
    const { bus, root, instance } = this.#host
    const values: Record<string, Wire> = { timestamp: null }
    for (const { t, data } of last.rows.values()) {
      for (const [name, column] of Object.entries(data)) values[name] = column.at(-1) ?? null
      values['timestamp'] = t.at(-1) ?? 0
    }
    void bus.publish(channels.last, { root, instance, feed }, values)
  }
}
