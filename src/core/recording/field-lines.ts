import { z } from 'zod'
import { FieldInfo } from '../channels.ts'
import { fieldOf } from '../names.ts'
import { jsonLines } from './json-lines.ts'

/** Units whose sign is none for a name. */
const WORDS: Readonly<Record<string, string>> = { Ω: 'Ohm', '°C': 'C', '%': 'percent' }

/** What the samples go by that a field had in other units than it has now: `Channel_1_in_V`. One name has one unit. */
export function inUnits(field: string, units: string): string {
  return fieldOf(`${field}_in_${WORDS[units] ?? units}`)
}

/** Where a recorder writes it down, in its data directory: a line of JSON each time that something was declared anew. */
export const FIELD_LOG = '.ocs/fields.jsonl'

/** What was declared of a field from a time on; `.g3` files have no place for it. */
export const FieldLine = FieldInfo.pick({
  units: true,
  description: true,
  resolution: true,
  rhythm: true,
  bits: true,
  influxdb_tags: true,
  influxdb_int: true,
}).extend({
  /** For databases: the class of a field with tags, and whether none takes it. */
  agent_class: z.string().optional(),
  exclude_influx: z.boolean().optional(),
  /** Where it is recorded, `observatory.ls240.feeds.temperatures.Channel_1_T`. */
  source: z.string(),
  /** The time of the first sample of which it is said, unix s. */
  since: z.number(),
})
export type FieldLine = z.output<typeof FieldLine>

/** The lines of a text by field, in the order of their times; what is no line is passed over. */
export function readFieldLog(text: string): Map<string, FieldLine[]> {
  return Map.groupBy(
    jsonLines(text, FieldLine).sort((a, b) => a.since - b.since),
    ({ source }) => source,
  )
}
