import { atResolution } from '../../core/resolution.ts'
import type { Cell, FieldView } from './shape.ts'

/** Digits of a value whose resolution nobody declares. */
const DIGITS = 6

/** A value with as many digits every time, so that it does not jump. */
function valueText(value: Cell | undefined, resolution: number | null): string {
  if (value === undefined) return '–'
  if (value === null) return 'NaN'
  if (typeof value !== 'number') return String(value)
  if (resolution !== null) return atResolution(value, resolution)
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return String(value)
  return value.toPrecision(DIGITS).replace('e+', 'e')
}

/** A value of a field with its unit. */
export function withUnit(
  value: Cell | undefined,
  { units, resolution }: Pick<FieldView, 'units' | 'resolution'>,
): string {
  const text = valueText(value, resolution)
  return units && value !== null && value !== undefined ? `${text} ${units}` : text
}

/** A count with its thousands apart: `12 345`. */
export function countText(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, '\u202f')
}
