import type { Tags } from '../core/channels.ts'
import type { Blocks } from '../core/feed-spec.ts'
import type { Lab } from '../core/lab.ts'
import { type FieldType, fromWire, type Value } from '../core/wire.ts'
import type { FeedKind, RowLine } from './lines.ts'

interface Field {
  type: FieldType
  influxdb_tags?: Tags
}

/** The most feeds of a program. */
export const MOST_FEEDS = 200

/** The feeds of a program: the rows define the fields, and a change of type begins an epoch. */
export class ProgramFeeds {
  readonly #kinds = new Map<string, FeedKind>()
  readonly #blocks = new Map<string, Map<string, Map<string, Field>>>()

  /** Whether the program may have a feed of this name. */
  hasRoom(feed: string): boolean {
    return this.#kinds.size < MOST_FEEDS || this.#kinds.has(feed)
  }

  declare(feed: string, kind: FeedKind): void {
    this.#kinds.set(feed, kind)
  }

  /** The fields of all rows so far. */
  blocks(feed: string): Blocks {
    const blocks = [...(this.#blocks.get(feed) ?? [])]
    return Object.fromEntries(blocks.map(([block, fields]) => [block, Object.fromEntries(fields)]))
  }

  /** The declaration of a feed. */
  spec(feed: string) {
    const { record, frame_length, exclude_influx } = this.#kinds.get(feed) ?? { record: true }
    return {
      help: '',
      record,
      ...(frame_length !== undefined && { frame_length }),
      ...(exclude_influx && { exclude_influx }),
      blocks: () => this.blocks(feed),
    }
  }

  /** Publishes a row, unless the spool has it already. */
  take({ feed, block, t, data, types, tags, again }: RowLine, { handOver }: Lab): void {
    if (again && handOver.holds(feed, block, t)) return
    const blocks = this.#blocks.get(feed) ?? new Map<string, Map<string, Field>>()
    this.#blocks.set(feed, blocks)
    const known = blocks.get(block) ?? new Map<string, Field>()
    blocks.set(block, known)
    let isNew = tags !== undefined
    const columns = Object.entries(data)
    // A field that is gone is no longer declared: otherwise each row would lack a value, for which only
    // doubles have NaN.
    for (const [name, { type }] of columns.length > 0 ? known : []) {
      if (type === 'double' || Object.hasOwn(data, name)) continue
      known.delete(name)
      isNew = true
    }
    const values: Record<string, Value[]> = {}
    for (const [name, column] of columns) {
      const type = (Object.hasOwn(types, name) && types[name]) || 'double'
      const field = known.get(name)
      isNew ||= field?.type !== type
      const told = tags ? tags[name] : field?.influxdb_tags
      known.set(name, { type, ...(told && { influxdb_tags: told }) })
      values[name] = column.map((wire) => fromWire(type, wire) ?? (wire as Value))
    }
    const feeds = handOver.feed(feed, () => this.spec(feed))
    if (isNew) feeds.redeclare()
    feeds.publish(block, t, values)
  }
}
