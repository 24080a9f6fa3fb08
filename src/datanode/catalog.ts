import type { FieldInfo } from '../core/channels.ts'
import type { FieldEntry } from '../core/data-node.ts'
import { nameFinder } from '../core/names.ts'
import type { Table } from './table.ts'

/** The metadata of a field. */
type About = Partial<Pick<FieldInfo, 'description' | 'units' | 'resolution' | 'rhythm' | 'bits'>>

/** One block of a data node: fields sampled together, on one timeline. */
export interface Block {
  /** The feed of its fields; distinguishes two fields of the same name. */
  readonly feed: string
  readonly name: string
  readonly table: Table
  /** The address under which the feed is recorded, if it is. */
  readonly source?: string
  /** The metadata of its fields. */
  describe(field: string): About
}

/** The content that a data node serves. */
export interface Source {
  readonly blocks: Iterable<Block>
}

/** One field of a data node and where its data are. */
export interface Entry {
  /** Its displayed name, unique in its node. */
  readonly name: string
  readonly block: Block
  readonly field: string
}

/** The name of a block's timeline. */
export function timelineOf({ feed, name }: Block): string {
  return feed === name ? name : `${feed}.${name}`
}

/**
 * All fields by displayed name: the field's own; `feed.field` if two feeds have it, `feed.block.field` if two
 * blocks of one feed do.
 */
export function entries(source: Source): Entry[] {
  const all = [...source.blocks].flatMap((block) =>
    [...block.table.names].map((field) => ({ block, field, full: qualified(block, field) })),
  )
  const short = counts(all.map(({ field }) => field))
  const middle = counts(all.map(({ full }) => full.feed))
  return all.map(({ block, field, full }) => {
    if (short.get(field) === 1) return { name: field, block, field }
    return { name: middle.get(full.feed) === 1 ? full.feed : full.block, block, field }
  })
}

/**
 * Finds fields by name: the exact one, any longer form, else the same ignoring case, since dashboards made
 * for sisock write names in lower case. A name that has become ambiguous means that of the first feed.
 */
export function finder(source: Source): (name: string) => Entry | undefined {
  const list = entries(source)
  const full = new Map(list.map((entry) => [entry, qualified(entry.block, entry.field)]))
  const ways: ((entry: Entry) => string | undefined)[] = [
    ({ name }) => name,
    ({ field }) => field,
    (entry) => full.get(entry)?.feed,
    (entry) => full.get(entry)?.block,
  ]
  return nameFinder(ways.flatMap((way) => list.map((entry) => [way(entry) ?? '', entry] as const)))
}

/** A field as answers to queries describe it. */
export function describe({ block, field }: Entry): FieldEntry {
  const { description, units, resolution, rhythm, bits } = block.describe(field)
  const type = block.table.kind(field) ?? 'number'
  return {
    description: description ?? null,
    timeline: timelineOf(block),
    type,
    units: units || null,
    ...(resolution && { resolution }),
    ...(rhythm && { rhythm }),
    ...(bits && { bits }),
    ...(block.source !== undefined && { source: `${block.source}.${field}` }),
  }
}

function qualified({ feed, name }: Block, field: string): { feed: string; block: string } {
  return { feed: `${feed}.${field}`, block: `${feed}.${name}.${field}` }
}

function counts(names: readonly string[]): Map<string, number> {
  const count = new Map<string, number>()
  for (const name of names) count.set(name, (count.get(name) ?? 0) + 1)
  return count
}
