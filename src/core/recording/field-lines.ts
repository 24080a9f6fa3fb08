import { z } from 'zod'
import { FieldInfo } from '../channels.ts'
import { fieldOf } from '../names.ts'
import { jsonLines } from './json-lines.ts'

/** Units whose sign cannot be part of a name, spelt out. */
const WORDS: Readonly<Record<string, string>> = { Ω: 'Ohm', '°C': 'C', '%': 'percent' }

/**
 * The name for samples that a field recorded in other units than its present ones: `Channel_1_in_V`. One name
 * has one unit.
 */
export function inUnits(field: string, units: string): string {
  return fieldOf(`${field}_in_${WORDS[units] ?? units}`)
}

/** The field log in a recorder's data directory: one line of JSON for each new declaration. */
export const FIELD_LOG = '.ocs/fields.jsonl'

/** The declaration of a field from a certain time on; `.g3` files have no place for it. */
export const FieldLine = FieldInfo.pick({
  units: true,
  description: true,
  resolution: true,
  rhythm: true,
  bits: true,
  influxdb_tags: true,
  influxdb_int: true,
}).extend({
  /** For databases: the agent class of a field with tags, and whether the field is kept out of databases. */
  agent_class: z.string().optional(),
  exclude_influx: z.boolean().optional(),
  /** The address under which it is recorded, `observatory.ls240.feeds.temperatures.Channel_1_T`. */
  source: z.string(),
  /** The time of the first sample to which it applies, unix s. */
  since: z.number(),
})
export type FieldLine = z.output<typeof FieldLine>

/** The lines of a field log by field, in order of time; invalid lines are skipped. */
export function readFieldLog(text: string): Map<string, FieldLine[]> {
  return Map.groupBy(
    jsonLines(text, FieldLine).sort((a, b) => a.since - b.since),
    ({ source }) => source,
  )
}
