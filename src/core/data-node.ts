/** The requests and answers of every data node, with sisock's names and meaning. */
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

/** A data node's description of one field; `timeline` names the list of its times. */
const FieldEntry = z.object({
  description: z.string().nullable(),
  timeline: z.string(),
  type: z.enum(['number', 'string', 'bool']),
  units: z.string().nullable(),
  /**
   * As its agent declares them: the smallest step between two values, in its units, and seconds between two
   * samples.
   */
  resolution: z.number().positive().optional(),
  rhythm: z.number().positive().optional(),
  /** For a sum of bits: the meaning of each, by its value. */
  bits: BitNames.optional(),
  /**
   * The address under which it is recorded, `observatory.ls240.feeds.temperatures.Channel_1_T`; an archive
   * finds it by this.
   */
  source: z.string().optional(),
  /** For an archive: the recorded type, and what a database needs to know. */
  recorded: z
    .object({
      /** Its name in the database. */
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

/** The answer to `get_fields`; `interval` is the usual time between samples (s), null if unknown. */
export const FieldsAnswer = z.object({
  fields: z.record(z.string(), FieldEntry),
  timelines: z.record(z.string(), z.object({ interval: z.number().nullable(), fields: z.array(z.string()) })),
})
export type FieldsAnswer = z.output<typeof FieldsAnswer>

/** Long lists are checked as a whole: checking each item with zod takes as long as reading the answer. */
const cells = z.union([z.custom<unknown[]>(Array.isArray), z.string().transform(unpackCells)])
const times = z.union([
  z.custom<number[]>((list) => Array.isArray(list) && list.every((item) => typeof item === 'number')),
  z.string().transform(unpack),
])

/**
 * The answer to `get_data`: for each requested field a list as long as the times of its timeline, empty for a
 * field that the node does not have. `null` stands for NaN. `finalized_until`: data up to this time will not
 * change any more.
 */
export const DataAnswer = z.object({
  data: z.record(z.string(), cells),
  timeline: z.record(
    z.string(),
    z.object({
      t: times,
      finalized_until: z.number().nullable(),
      /**
       * For a node that keeps only the newest data: the time of its oldest sample; null while it has none.
       */
      held_from: z.number().nullable().optional(),
      /** For a request with `max_points` or `min_stride`: whether samples were left out. */
      thinned: z.boolean().optional(),
    }),
  ),
  /** The fields found, by the name in the request. */
  fields: z.record(z.string(), FieldEntry),
})
export type DataAnswer = z.output<typeof DataAnswer>

/** An answer as a data node produces it: numbers and times in arrays, NaN for a missing value. */
export interface Columns {
  readonly data: Record<string, Float64Array | readonly unknown[]>
  readonly timeline: Record<string, Omit<DataAnswer['timeline'][string], 't'> & { readonly t: Float64Array }>
  readonly fields: Record<string, FieldEntry>
}

/**
 * An answer as it is sent. On request, arrays are sent as text, which halves the time to write and read them.
 */
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

/** JSON has no NaN and no infinities: these become null. */
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
