import type { z } from 'zod'
import type { Agent, OpSpec } from '../core/agent.ts'
import { answerOf, type Columns, DataRequest, type FieldsAnswer, FieldsRequest } from '../core/data-node.ts'
import { describe, entries, finder, type Source, timelineOf } from './catalog.ts'
import { changes, strided, thin } from './decimate.ts'
import type { Slice } from './table.ts'

/**
 * Declares the queries of every data node: `fields` and `data` answer for the source that the agent has
 * connected to.
 */
export function answering<
  A extends z.ZodObject,
  F extends string,
  I extends object,
  O extends Record<string, OpSpec>,
>(
  node: Agent<A, F, I, O>,
  fields: (from: I, request: FieldsRequest) => FieldsAnswer,
  data: (from: I, request: DataRequest) => Columns | Promise<Columns>,
): Agent<A, F, I, O> {
  return node
    .query('get_fields', { help: 'The fields with data between two times.', params: FieldsRequest }, (q) =>
      fields(q.instrument, q.params),
    )
    .query('get_data', { help: 'The data of fields between two times.', params: DataRequest }, (q) => {
      const found = data(q.instrument, q.params)
      // Immediately if it is available: the arrays of a table change with its next row.
      return found instanceof Promise
        ? found.then((columns) => answerOf(columns, q.params))
        : answerOf(found, q.params)
    })
}

/** Converts a sisock time to unix seconds: above 0 it is one already, otherwise it is relative to now. */
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
 * The data of fields between two times; empty for a missing field. With `max_points` each field has a
 * timeline of its own, since the extremes of two fields are at different times.
 */
export function getData(source: Source, request: DataRequest, now = Date.now() / 1000): Columns {
  const [from, to] = [toUnix(request.start, now), toUnix(request.end, now)]
  const find = finder(source)
  const answer: Columns = { data: {}, timeline: {}, fields: {} }
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
      t: chosen(slice.t, kept),
      finalized_until: entry.block.table.newest ?? null,
      ...(kept && { thinned: kept.length < slice.t.length }),
      ...(entry.block.source !== undefined && { held_from: entry.block.table.oldest(now) ?? null }),
    }
  }
  return answer
}

/** The indices to keep; undefined for all. */
export function keep({ t, values }: Slice, maxPoints?: number, minStride?: number): number[] | undefined {
  if (maxPoints === undefined) return minStride === undefined ? undefined : strided(t, minStride)
  if (values instanceof Float64Array) return thin(t, values, maxPoints, minStride)
  return changes(values, maxPoints)
}

/** A column as sent in an answer: numbers in an array, others in a list. */
export function cells({ kind, values }: Slice, kept?: readonly number[]): Columns['data'][string] {
  if (values instanceof Float64Array) {
    const numbers = chosen(values, kept)
    return kind === 'bool' ? Array.from(numbers, (on) => (Number.isNaN(on) ? null : on !== 0)) : numbers
  }
  return kept ? kept.map((i) => values[i] ?? null) : values
}

/** Some of an array's values, or all of them. */
export function chosen(all: Float64Array, kept: readonly number[] | undefined): Float64Array {
  if (!kept) return all
  // Creating an array with a function per value takes many times as long.
  const some = new Float64Array(kept.length)
  for (let i = 0; i < some.length; i++) some[i] = all[kept[i] ?? 0] ?? Number.NaN
  return some
}
