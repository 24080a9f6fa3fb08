import {
  type FeedDeclaration,
  type FieldInfo,
  feedAddress,
  type HeldEpoch,
  type Row,
} from '../core/channels.ts'
import type { FeedEpoch, FeedSink } from '../core/feed-sink.ts'
import { inUnits } from '../core/recording/field-lines.ts'
import { type FieldType, fromWire } from '../core/wire.ts'
import type { Block, Source } from './catalog.ts'
import { type Kind, Table } from './table.ts'

interface Cached extends Block {
  fields: Readonly<Record<string, FieldInfo>>
  declaration: FeedDeclaration | undefined
}

const KINDS: Record<FieldType, Kind> = { double: 'number', int: 'number', bool: 'bool', string: 'string' }
/** Maximum number of epochs whose position is remembered; each start of the agent makes one. */
const EPOCHS = 1000

/**
 * The last samples of one agent's recorded feeds, in memory. It takes each row once, however often it is
 * replayed, and keeps time order despite restarts and clock changes.
 */
export class LiveCache implements FeedSink, Source {
  readonly #root: string
  readonly #target: string
  readonly #feed: string | undefined
  readonly #bufferTime: number
  readonly #blocks = new Map<string, Cached>()
  /** Last seq taken by `feed/epoch`. */
  readonly #taken = new Map<string, number>()
  /** Number of rows taken. */
  rowsTaken = 0

  /**
   * @param root the lab's address root
   * @param target instance-id of the agent
   * @param feed its feed; undefined for all
   * @param bufferTime seconds of data to keep
   */
  constructor(root: string, target: string, feed: string | undefined, bufferTime: number) {
    this.#root = root
    this.#target = target
    this.#feed = feed
    this.#bufferTime = bufferTime
  }

  get blocks(): Iterable<Block> {
    return this.#blocks.values()
  }

  wants(instance: string, feed: string): boolean {
    return instance === this.#target && (this.#feed === undefined || feed === this.#feed)
  }

  position({ feed, epoch }: FeedEpoch, { first }: HeldEpoch): number {
    // Rows that the agent has released are older than the cache's length, so they are not requested.
    return Math.max(this.#taken.get(`${feed}/${epoch}`) ?? 0, first - 1)
  }

  rows({ feed, epoch }: FeedEpoch, declaration: FeedDeclaration, rows: readonly Row[]): boolean {
    const key = `${feed}/${epoch}`
    let taken = this.#taken.get(key) ?? 0
    for (const row of rows) {
      if (row.seq === undefined || row.seq <= taken) continue
      taken = row.seq
      this.rowsTaken++
      this.#add(this.#block(feed, row.block, declaration), row)
    }
    this.#taken.delete(key)
    this.#taken.set(key, taken)
    for (const oldest of this.#taken.keys()) {
      if (this.#taken.size <= EPOCHS) break
      this.#taken.delete(oldest)
    }
    return true
  }

  gap(): void {
    // A hole in the data shows as a hole in the plot.
  }

  #block(feed: string, name: string, declaration: FeedDeclaration): Cached {
    const key = `${feed}.${name}`
    const block = this.#blocks.get(key) ?? this.#make(key, feed, name)
    if (block.declaration !== declaration) {
      block.declaration = declaration
      for (const [field, { units }] of Object.entries(declaration.blocks[name] ?? {}))
        this.#setApart(block, field, units)
      block.fields = { ...block.fields, ...declaration.blocks[name] }
      for (const [field, { type }] of Object.entries(declaration.blocks[name] ?? {})) {
        block.table.declare(field, KINDS[type])
      }
    }
    return block
  }

  #make(key: string, feed: string, name: string): Cached {
    const made: Cached = {
      feed,
      name,
      table: new Table(this.#bufferTime),
      source: feedAddress(this.#root, this.#target, feed),
      fields: {},
      declaration: undefined,
      describe: (field) => made.fields[field] ?? {},
    }
    this.#blocks.set(key, made)
    return made
  }

  /**
   * Moves the samples of a field in units other than the present ones to a name and timeline of their own.
   */
  #setApart({ feed, table, fields }: Cached, field: string, units: string | undefined): void {
    const before = fields[field]
    const slice = table.slice(field, -Infinity, Infinity)
    if (!slice || !before?.units || !units || before.units === units) return
    const name = inUnits(field, before.units)
    const key = `${feed}.${name}`
    const former = this.#blocks.get(key) ?? this.#make(key, feed, name)
    former.fields = { [name]: before }
    former.table.declare(name, slice.kind)
    for (const [i, time] of slice.t.entries()) {
      const value = slice.values[i]
      if (value !== null && !Number.isNaN(value)) former.table.add(time, () => value)
    }
    table.drop(field)
  }

  #add({ table, fields }: Cached, { t, data }: Row): void {
    for (const [i, time] of t.entries()) {
      table.add(time, (field) => fromWire(fields[field]?.type ?? 'double', data[field]?.[i]))
    }
  }
}
