import type { DataAnswer, DataRequest, FieldsAnswer, FieldsRequest } from '../core/data-node.ts'
import { describe, entries, finder, type Source, timelineOf } from './catalog.ts'
import { changes, strided, thin } from './decimate.ts'
import type { Slice } from './table.ts'

type Cell = number | string | boolean | null

/** A sisock time as unix seconds: above 0 it is one, else it is relative to now. */
export function toUnix(time: number, now: number): number {
  return time > 0 ? time : now + time
}

/** The fields that have data between two times. */
export function getFields(
  source: Source,
  { start, end }: FieldsRequest,
  now = Date.now() / 1000,
): FieldsAnswer {
  const [from, to] = [toUnix(start, now), toUnix(end, now)]
  const fields: FieldsAnswer['fields'] = {}
  const timelines: FieldsAnswer['timelines'] = {}
  for (const entry of entries(source)) {
    if (entry.block.table.count(from, to) === 0) continue
    const info = describe(entry)
    fields[entry.name] = info
    timelines[info.timeline] ??= { interval: entry.block.table.interval, fields: [] }
    timelines[info.timeline]?.fields.push(entry.name)
  }
  return { fields, timelines }
}

/**
 * The data of fields between two times; empty for a field that is not there. With `max_points` each field has a
 * timeline of its own, since the extremes of two fields lie at different times.
 */
export function getData(source: Source, request: DataRequest, now = Date.now() / 1000): DataAnswer {
  const [from, to] = [toUnix(request.start, now), toUnix(request.end, now)]
  const find = finder(source)
  const answer: DataAnswer = { data: {}, timeline: {}, fields: {} }
  for (const name of new Set(request.fields)) {
    const entry = find(name)
    const slice = entry?.block.table.slice(entry.field, from, to, now)
    if (!entry || !slice) {
      answer.data[name] = []
      continue
    }
    const { max_points, min_stride } = request
    const kept = keep(slice, max_points, min_stride)
    const timeline = timelineOf(entry.block) + (max_points === undefined ? '' : `.${entry.name}`)
    answer.fields[name] = { ...describe(entry), timeline }
    answer.data[name] = cells(slice, kept)
    answer.timeline[timeline] ??= {
      t: kept ? kept.map((i) => slice.t[i] ?? 0) : Array.from(slice.t),
      finalized_until: entry.block.table.newest ?? null,
      ...(entry.block.source !== undefined && { held_from: entry.block.table.oldest(now) ?? null }),
    }
  }
  return answer
}

/** The indices that stay; undefined for all. */
export function keep({ t, values }: Slice, maxPoints?: number, minStride?: number): number[] | undefined {
  if (maxPoints === undefined) return minStride === undefined ? undefined : strided(t, minStride)
  if (values instanceof Float64Array) return thin(t, values, maxPoints, minStride)
  return changes(values, maxPoints)
}

/** A column as an answer carries it. */
export function cells({ kind, t, values }: Slice, kept: Iterable<number> = t.keys()): Cell[] {
  const list: Cell[] = []
  for (const i of kept) {
    const value = values[i] ?? null
    if (typeof value !== 'number') list.push(value)
    else if (!Number.isFinite(value)) list.push(null)
    else list.push(kind === 'bool' ? value !== 0 : value)
  }
  return list
}
