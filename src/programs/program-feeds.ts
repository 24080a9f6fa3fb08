import type { Blocks, Lab } from '../core/agent.ts'
import type { Tags } from '../core/channels.ts'
import { type FieldType, fromWire, type Value } from '../core/wire.ts'
import type { FeedKind, RowLine } from './lines.ts'

interface Field {
  type: FieldType
  influxdb_tags?: Tags
}

/** The feeds of a program: their fields are known by its rows, and another type begins an epoch. */
export class ProgramFeeds {
  readonly #kinds = new Map<string, FeedKind>()
  readonly #blocks = new Map<string, Record<string, Record<string, Field>>>()

  declare(feed: string, kind: FeedKind): void {
    this.#kinds.set(feed, kind)
  }

  /** The fields that rows have had so far. */
  blocks(feed: string): Blocks {
    return structuredClone(this.#blocks.get(feed) ?? {})
  }

  /** How a feed is declared. */
  spec(feed: string) {
    const { record, frame_length } = this.#kinds.get(feed) ?? { record: true }
    return {
      help: '',
      record,
      ...(frame_length !== undefined && { frame_length }),
      blocks: () => this.blocks(feed),
    }
  }

  /** Publishes a row, unless the spool has it already. */
  take({ feed, block, t, data, types, tags, again }: RowLine, { handOver }: Lab): void {
    if (again && handOver.holds(feed, block, t)) return
    const blocks = this.#blocks.get(feed) ?? {}
    this.#blocks.set(feed, blocks)
    const known = blocks[block] ?? {}
    blocks[block] = known
    let isNew = tags !== undefined
    for (const [name, type] of Object.entries(types)) {
      isNew ||= known[name]?.type !== type
      const told = tags ? tags[name] : known[name]?.influxdb_tags
      known[name] = { type, ...(told && { influxdb_tags: told }) }
    }
    const feeds = handOver.feed(feed, () => this.spec(feed))
    if (isNew) feeds.redeclare()
    const values = Object.entries(data).map(([name, column]) => [
      name,
      column.map((wire) => fromWire(types[name] ?? 'double', wire) ?? (wire as Value)),
    ])
    feeds.publish(block, t, Object.fromEntries(values) as Record<string, Value[]>)
  }
}
