/** What every data node is asked and answers, with sisock's names and meaning. */
import { z } from 'zod'
import { BitNames, Tags } from './channels.ts'
import { FieldType } from './wire.ts'

/** A time: unix seconds when above 0, else seconds relative to now. */
const time = z.number()

/** `get_fields`: which fields have data between two times. */
export const FieldsRequest = z.object({
  start: time.default(1).describe('unix s, or s relative to now when 0 or less'),
  end: time.default(0).describe('unix s, or s relative to now when 0 or less'),
})
export type FieldsRequest = z.output<typeof FieldsRequest>

/** `get_data`: the data of fields between two times. */
export const DataRequest = z.object({
  fields: z.array(z.string().max(600)).max(1000).describe('names of fields'),
  start: time.describe('unix s, or s relative to now when 0 or less'),
  end: time.describe('unix s, or s relative to now when 0 or less'),
  min_stride: z.number().positive().optional().describe('shortest time between two samples, s'),
  max_points: z
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe('most samples per field: lowest and highest of each interval, and the newest'),
  packed: z
    .boolean()
    .optional()
    .describe('lists of numbers may come as text: base64 of little-endian doubles, null as NaN'),
})
export type DataRequest = z.output<typeof DataRequest>

/** How a data node describes one field; `timeline` names the times its data lies on. */
const FieldEntry = z.object({
  description: z.string().nullable(),
  timeline: z.string(),
  type: z.enum(['number', 'string', 'bool']),
  units: z.string().nullable(),
  /** As its agent declares them: the least step between two values, in its units, and seconds between two samples. */
  resolution: z.number().positive().optional(),
  rhythm: z.number().positive().optional(),
  /** Of a sum of bits: what each means, by its value. */
  bits: BitNames.optional(),
  /** Where it is recorded, `observatory.ls240.feeds.temperatures.Channel_1_T`: what an archive finds it by. */
  source: z.string().optional(),
  /** Of an archive: the type it is recorded as, and what a database that takes it has to know. */
  recorded: z
    .object({
      /** Its name there. */
      field: z.string(),
      type: FieldType,
      agent_class: z.string().optional(),
      exclude_influx: z.boolean().optional(),
      influxdb_tags: Tags.optional(),
      influxdb_int: z.boolean().optional(),
    })
    .optional(),
})
export type FieldEntry = z.output<typeof FieldEntry>

/** The answer to `get_fields`; `interval` is the usual time between samples (s), null when it is not known. */
export const FieldsAnswer = z.object({
  fields: z.record(z.string(), FieldEntry),
  timelines: z.record(z.string(), z.object({ interval: z.number().nullable(), fields: z.array(z.string()) })),
})
export type FieldsAnswer = z.output<typeof FieldsAnswer>

/** Long lists, checked as a whole: zod's own look at each item takes as long as reading the answer does. */
const cells = z.union([z.custom<unknown[]>(Array.isArray), z.string().transform(unpackCells)])
const times = z.union([
  z.custom<number[]>((list) => Array.isArray(list) && list.every((item) => typeof item === 'number')),
  z.string().transform(unpack),
])

/**
 * The answer to `get_data`: for each field that was asked for a list as long as the times of its timeline, empty for a
 * field the node has not got. `null` stands for NaN. `finalized_until`: data up to this time will not change any more.
 */
export const DataAnswer = z.object({
  data: z.record(z.string(), cells),
  timeline: z.record(
    z.string(),
    z.object({
      t: times,
      finalized_until: z.number().nullable(),
      /** Of a node that keeps but the newest data: the time of the oldest sample it has; null while it has none. */
      held_from: z.number().nullable().optional(),
      /** Of a request with `max_points` or `min_stride`: whether samples were left out for it. */
      thinned: z.boolean().optional(),
    }),
  ),
  /** The fields that were found, by the name they were asked for. */
  fields: z.record(z.string(), FieldEntry),
})
export type DataAnswer = z.output<typeof DataAnswer>

/** An answer as a data node makes it: numbers and times in arrays, NaN where there is none. */
export interface Columns {
  readonly data: Record<string, Float64Array | readonly unknown[]>
  readonly timeline: Record<string, Omit<DataAnswer['timeline'][string], 't'> & { readonly t: Float64Array }>
  readonly fields: Record<string, FieldEntry>
}

/** An answer as it travels; its arrays as text where that was asked for: it is written and read in half the time. */
export function answerOf(
  { data, timeline, fields }: Columns,
  { packed }: Pick<DataRequest, 'packed'>,
): z.input<typeof DataAnswer> {
  const each = <V, W>(of: Record<string, V>, change: (value: V) => W) =>
    Object.fromEntries(Object.entries(of).map(([name, value]) => [name, change(value)]))
  return {
    data: each(data, (list) =>
      list instanceof Float64Array ? (packed ? pack(list) : cellsOf(list)) : [...list],
    ),
    timeline: each(timeline, (line) => ({ ...line, t: packed ? pack(line.t) : Array.from(line.t) })),
    fields,
  }
}

function pack({ buffer, byteOffset, byteLength }: Float64Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}

/** What is no number has no JSON. */
function cellsOf(values: Iterable<number>): unknown[] {
  return Array.from(values, (value) => (Number.isFinite(value) ? value : null))
}

function unpack(text: string): number[] {
  const { buffer, byteOffset, byteLength } = Buffer.from(text, 'base64')
  const doubles = new Float64Array(buffer.slice(byteOffset, byteOffset + byteLength))
  const list: number[] = []
  for (let i = 0; i < doubles.length; i++) list.push(doubles[i] as number)
  return list
}

function unpackCells(text: string): unknown[] {
  return cellsOf(unpack(text))
}
