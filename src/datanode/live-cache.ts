import {
  type FeedDeclaration,
  type FieldInfo,
  feedAddress,
  type HeldEpoch,
  type Row,
} from '../core/channels.ts'
import type { FeedEpoch, FeedSink } from '../core/feed-sink.ts'
import { type FieldType, fromWire } from '../core/wire.ts'
import type { Block, Source } from './catalog.ts'
import { type Kind, Table } from './table.ts'

interface Cached extends Block {
  fields: Readonly<Record<string, FieldInfo>>
  declaration: FeedDeclaration | undefined
}

const KINDS: Record<FieldType, Kind> = { double: 'number', int: 'number', bool: 'bool', string: 'string' }
/** Epochs whose place is remembered; each start of the agent makes one. */
const EPOCHS = 1000

/**
 * The last samples of one agent's recorded feeds, in memory. It takes each row once, however often it is replayed,
 * and keeps time order whatever clocks and restarts do.
 */
export class LiveCache implements FeedSink, Source {
  readonly #root: string
  readonly #target: string
  readonly #feed: string | undefined
  readonly #bufferTime: number
  readonly #blocks = new Map<string, Cached>()
  /** Last seq taken by `feed/epoch`. */
  readonly #taken = new Map<string, number>()
  /** Rows taken. */
  rowsTaken = 0

  /**
   * @param root the lab's address root
   * @param target instance-id of the agent
   * @param feed its feed; undefined for all
   * @param bufferTime seconds kept
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
    // What the agent has let go of is older than the cache is long: nothing to ask for.
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
    let block = this.#blocks.get(key)
    if (!block) {
      const made: Cached = {
        feed,
        name,
        table: new Table(this.#bufferTime),
        source: feedAddress(this.#root, this.#target, feed),
        fields: {},
        declaration: undefined,
        describe: (field) => made.fields[field] ?? {},
      }
      block = made
      this.#blocks.set(key, block)
    }
    if (block.declaration !== declaration) {
      block.declaration = declaration
      block.fields = { ...block.fields, ...declaration.blocks[name] }
      for (const [field, { type }] of Object.entries(declaration.blocks[name] ?? {})) {
        block.table.declare(field, KINDS[type])
      }
    }
    return block
  }

  #add({ table, fields }: Cached, { t, data }: Row): void {
    for (const [i, time] of t.entries()) {
      table.add(time, (field) => fromWire(fields[field]?.type ?? 'double', data[field]?.[i]))
    }
  }
}
