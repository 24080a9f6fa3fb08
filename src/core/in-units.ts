import { fieldOf } from './names.ts'

/** Units whose sign is none for a name. */
const WORDS: Readonly<Record<string, string>> = { Ω: 'Ohm', '°C': 'C', '%': 'percent' }

/** What the samples go by that a field had in other units than it has now: `Channel_1_in_V`. One name has one unit. */
export function inUnits(field: string, units: string): string {
  return fieldOf(`${field}_in_${WORDS[units] ?? units}`)
}
