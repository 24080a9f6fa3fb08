import type { FeedDeclaration, Row } from '../core/channels.ts'
import { atResolution } from '../core/resolution.ts'
import type { Wire } from '../core/wire.ts'

/**
 * A row as people read it: `Channel_1 4.213 K 1.62 V  Channel_2 …`. Fields whose names differ only after the last
 * underscore (`Channel_1_T`, `Channel_1_V`) share a name; numbers carry their units. A status is shown when it is not 0.
 */
export function reading({ blocks }: FeedDeclaration, { block, data }: Row): string {
  const fields = blocks[block] ?? {}
  const groups = new Map<string, string[]>()
  for (const [name, column] of Object.entries(data)) {
    const value = column.at(-1) ?? null
    if (value === null) continue
    const { units, resolution } = fields[name] ?? {}
    const status = /^(.+)_status$/.exec(name)?.[1]
    if (status !== undefined && value === 0) continue
    const stem = status ?? /^(.+)_[A-Za-z]$/.exec(name)?.[1] ?? name
    const shown = groups.get(stem) ?? []
    shown.push(
      status
        ? `status ${value}`
        : units
          ? `${number(value, resolution)} ${units}`
          : number(value, resolution),
    )
    groups.set(stem, shown)
  }
  return [...groups].map(([stem, shown]) => `${stem} ${shown.join(' ')}`).join('  ')
}

/** The digits of its resolution, else six at most: more than a thermometer has, and a line still fits a terminal. */
function number(value: Exclude<Wire, null>, resolution: number | undefined): string {
  if (typeof value === 'number' && resolution !== undefined) return atResolution(value, resolution)
  return typeof value === 'number' && !Number.isInteger(value)
    ? String(Number(value.toPrecision(6)))
    : String(value)
}
