import type { FeedDeclaration, FieldInfo, Row } from '../core/channels.ts'
import { atResolution, hasNoValue, NO_VALUE, scaled, shownIn } from '../core/shown-value.ts'
import type { Wire } from '../core/wire.ts'
import { stamp } from './log.ts'

/** Rows that came together: only the newest of each block, on its own line, since nobody reads the others. */
export function readings(declaration: FeedDeclaration, rows: readonly Row[]): string {
  const newest = new Map(rows.map((row) => [row.block, row]))
  return [...newest.values()]
    .map((row) => `${stamp(new Date((row.t.at(-1) ?? 0) * 1000))} ${reading(declaration, row)}\n`)
    .join('')
}

/**
 * A row for people: `Channel_1 4.213 K 1.62 V  Channel_2 …`. Fields whose names differ only after the last
 * underscore (`Channel_1_T`, `Channel_1_V`) share a name; numbers carry their units. A status is shown if it
 * is not 0.
 */
export function reading({ blocks }: FeedDeclaration, { block, data }: Row): string {
  const fields = blocks[block] ?? {}
  const groups = new Map<string, string[]>()
  for (const [name, column] of Object.entries(data)) {
    const value = column.at(-1) ?? null
    if (value === null) continue
    const field = fields[name] ?? {}
    const status = /^(.+)_status$/.exec(name)?.[1]
    if (status !== undefined && value === 0) continue
    const stem = status ?? /^(.+)_[A-Za-z]$/.exec(name)?.[1] ?? name
    const shown = groups.get(stem) ?? []
    shown.push(status ? `status ${value}` : withUnits(value, field))
    groups.set(stem, shown)
  }
  return [...groups].map(([stem, shown]) => `${stem} ${shown.join(' ')}`).join('  ')
}

/** A value with its units; a factor in the units is applied: 1200 of `0.1 V` is `120.0 V`. */
function withUnits(value: Exclude<Wire, null>, { type, units, resolution }: Partial<FieldInfo>): string {
  if (hasNoValue(type, value)) return NO_VALUE
  const as = shownIn({ units: units ?? null, resolution: resolution ?? null })
  const text = number(typeof value === 'number' ? scaled(value, as.factor) : value, as.resolution)
  return as.units ? `${text} ${as.units}` : text
}

/**
 * The digits of its resolution, or else at most six: more than a thermometer has, and a line still fits a
 * terminal.
 */
function number(value: Exclude<Wire, null>, resolution: number | null): string {
  if (typeof value === 'number' && resolution !== null) return atResolution(value, resolution)
  return typeof value === 'number' && !Number.isInteger(value)
    ? String(Number(value.toPrecision(6)))
    : String(value)
}
