import { bitsText } from '../../core/bits.ts'
import { atResolution, decimalsOf, LARGE, NO_VALUE, SMALL, scaled } from '../../core/shown-value.ts'
import type { Cell, FieldView } from './shape.ts'

/** Number of digits of a value without a declared resolution. */
const DIGITS = 6

/** A value with a constant number of digits, so that it does not jump. */
function valueText(value: Cell | undefined, resolution: number | null): string {
  if (value === undefined) return '–'
  if (value === null) return NO_VALUE
  if (typeof value !== 'number') return String(value)
  if (resolution !== null) return atResolution(value, resolution)
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return String(value)
  if (value !== 0 && Math.abs(value) < SMALL) return value.toExponential(DIGITS - 1)
  return value.toPrecision(DIGITS).replace('e+', 'e')
}

/**
 * The labels of an axis: no more digits than distinguish them, with an exponent if they are small or large.
 */
export function axisTexts(ticks: readonly number[]): string[] {
  const step = Math.abs((ticks[1] ?? 0) - (ticks[0] ?? 0)) || Math.abs(ticks[0] ?? 0) || 1
  const most = Math.max(...ticks.map(Math.abs))
  if (most === 0 || (most >= SMALL && most < LARGE))
    return ticks.map((tick) => tick.toFixed(Math.min(20, decimalsOf(step))))
  const digits = Math.min(15, Math.max(0, Math.ceil(Math.log10(most / step) - 1e-9)))
  return ticks.map((tick) => (tick === 0 ? '0' : tick.toExponential(digits).replace('e+', 'e')))
}

/** A value of a field with its unit; a status as words. */
export function withUnit(
  value: Cell | undefined,
  { units, resolution, bits }: Pick<FieldView, 'units' | 'resolution'> & Partial<Pick<FieldView, 'bits'>>,
): string {
  if (bits && typeof value === 'number') return bitsText(value, bits)
  const text = valueText(value, resolution)
  return units && value !== null && value !== undefined ? `${text} ${units}` : text
}

/** Values converted to a field's units. */
export function shownCells(values: readonly Cell[], { factor }: Pick<FieldView, 'factor'>): readonly Cell[] {
  if (factor === 1) return values
  return values.map((value) => (typeof value === 'number' ? scaled(value, factor) : value))
}

/** A count with separated thousands: `12 345`. */
export function countText(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, '\u202f')
}
