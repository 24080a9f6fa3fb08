/** The recordings in `.g3` files, in the form for a database. */
import type { Tags } from '../core/channels.ts'
import { toWire, type Wire } from '../core/wire.ts'
import type { Archive, ArchiveField } from '../storage/archive/archive.ts'
import type { Column } from '../storage/archive/archive-columns.ts'
import { rowsOf } from '../storage/archive/archive-rows.ts'
import { windows } from '../storage/archive/export-windows.ts'
import { type Declared, type Origin, type Protocol, placeOf, pointsOf } from './line-protocol.ts'

/** A recorded feed with its fields. */
export interface RecordedFeed {
  readonly origin: Origin
  readonly fields: readonly ArchiveField[]
}

/** The feeds with samples between two times (unix s) that databases accept. */
export function recordedFeeds(archive: Archive, from: number, to: number): RecordedFeed[] {
  const feeds = Map.groupBy(archive.fields(from, to), ({ address }) => address)
  return [...feeds].flatMap(([address, all]) => {
    const [, root, instance, feed] = /^([^.]+)\.([^.]+)\.feeds\.([^.]+)$/.exec(address) ?? []
    const fields = all.filter(({ about }) => !about?.exclude_influx)
    if (root === undefined || instance === undefined || feed === undefined || fields.length === 0) return []
    return [{ origin: { root, instance, feed }, fields }]
  })
}

/** The points of a recorded feed between two times, in portions. */
export async function* recordedPoints(
  archive: Archive,
  { origin, fields }: RecordedFeed,
  [start, end]: readonly [number, number],
  protocol: Protocol,
): AsyncGenerator<string[]> {
  const block = fields.map(({ name, type, about: { influxdb_tags, influxdb_int } = {} }) => [
    name,
    { type, influxdb_tags, influxdb_int },
  ])
  const agent_class = fields.find(({ about }) => about?.agent_class)?.about?.agent_class ?? ''
  const declared: Declared = { agent_class, blocks: { '': Object.fromEntries(block) } }
  for (const [from, to] of windows(archive, fields, start, end)) {
    const points: string[] = []
    for (const [t, cells] of rowsOf(await archive.read(fields, from, to), to === end ? Infinity : to)) {
      const data: Record<string, Wire[]> = {}
      for (const [i, cell] of cells.entries())
        if (cell !== undefined) data[fields[i]?.name ?? ''] = [toWire(cell)]
      points.push(...pointsOf(origin, declared, { block: '', t: [t], data }, protocol))
    }
    yield points
  }
}

/** A field of a database, and its expected content. */
export interface ExpectedField {
  /** `ls240.temperatures.Channel_1_T`. */
  readonly label: string
  readonly measurement: string
  readonly tags: Tags
  readonly field: string
  /**
   * Number of values with times that the database can distinguish, and the times between which they are, unix
   * s.
   */
  readonly count: number
  readonly first: number
  readonly last: number
}

/** How many values of each field of a recorded feed a database can hold, between two times. */
export async function expectedOf(
  archive: Archive,
  { origin, fields }: RecordedFeed,
  [start, end]: readonly [number, number],
): Promise<ExpectedField[]> {
  const counts = new Map<string, ExpectedField & { count: number; first: number; last: number }>()
  for (const [from, to] of windows(archive, fields, start, end)) {
    const columns = await archive.read(fields, from, to)
    for (const [i, { name, about }] of fields.entries()) {
      const known = counts.get(name) ?? {
        ...placeOf(origin, name, about?.agent_class ?? '', about?.influxdb_tags),
        ...{ label: `${origin.instance}.${origin.feed}.${name}`, count: 0, first: Infinity, last: -Infinity },
      }
      counts.set(name, known)
      for (const time of timesOf(columns[i] as Column, to === end ? Infinity : to)) {
        if (time !== known.last) known.count++
        known.first = Math.min(known.first, time)
        known.last = time
      }
    }
  }
  return [...counts.values()].filter(({ count }) => count > 0)
}

/** The times of values that line protocol can hold. */
function* timesOf({ t, values, type }: Column, before: number): Generator<number> {
  for (const [i, time] of t.entries())
    if (time < before && (type === 'string' || Number.isFinite(Number(values[i])))) yield time
}
