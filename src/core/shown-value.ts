/** How a value of a field is shown to people: its digits, its units, or that it has no value. */
import type { FieldType, Wire } from './wire.ts'

/** The most decimals shown after the point; a finer value is written with an exponent. */
const MOST = 6
/** Values below this, or of 1e6 and more, are easier to read with an exponent. */
export const SMALL = 1e-3
export const LARGE = 1e6
/** A tenth of a tenth's rounding. */
const NEARLY = 1e-6

/**
 * Decimals needed for a resolution, in the field's units: 3 for 0.001 and 0.005, 2 for 0.25, 0 for 1 and
 * more.
 */
export function decimalsOf(resolution: number): number {
  const least = Math.max(0, Math.ceil(-Math.log10(resolution) - NEARLY))
  const steps = resolution * 10 ** least
  return Math.abs(steps - Math.round(steps)) < NEARLY ? least : least + 1
}

/**
 * A value with the digits of its resolution, always the same number of them: `4.2130`; `1.20e-8` if the
 * resolution is finer than 1e-6 and the value is small.
 */
export function atResolution(value: number, resolution: number): string {
  const decimals = decimalsOf(resolution)
  if (decimals <= MOST || value === 0) return value.toFixed(Math.min(decimals, MOST))
  const digits = 1 + Math.floor(Math.log10(Math.abs(value))) + decimals
  const shown = Math.min(17, Math.max(1, digits))
  return Math.abs(value) < SMALL
    ? value.toExponential(shown - 1)
    : value.toPrecision(shown).replace('e+', 'e')
}

/**
 * Units with a factor before them, as in RFC 1628: a UPS reports its voltage in `0.1 V`. They are recorded
 * unchanged.
 */

const FACTOR = /^(\d+(?:\.\d+)?(?:e[+-]?\d+)?) +([\p{L}%°].*)$/iu

/** How a field is measured. */
interface Measured {
  readonly units: string | null
  /** The smallest step between two values, in its units. */
  readonly resolution: number | null
}

/** The scale for display: values multiplied by `factor` are in `units`. `1200` of `0.1 V` is 120.0 V. */
export function shownIn({ units, resolution }: Measured): Measured & { readonly factor: number } {
  const [, number = '', whole = ''] = FACTOR.exec(units ?? '') ?? []
  const factor = Number(number)
  if (!(factor > 0) || factor === Infinity) return { units, resolution, factor: 1 }
  return { units: whole, resolution: resolution === null ? null : scaled(resolution, factor), factor }
}

/** A value times the factor of its units, without rounding noise of the product: 1203 × 0.1 is 120.3. */
export function scaled(value: number, factor: number): number {
  return factor === 1 ? value : Number((value * factor).toPrecision(15))
}

/** The units shown after a value in recorded form: `×0.1 V` if they have a factor, otherwise unchanged. */
export function unitsBehind(units: string): string {
  return FACTOR.test(units) ? `×${units}` : units
}

/** Shown in place of a reading that is not a number (NaN): an output that is off, an open sensor. */
export const NO_VALUE = 'no value'

/** Whether a reading arrived but has no value. */
export function hasNoValue(type: FieldType | undefined, wire: Wire | undefined): boolean {
  return wire === null || (wire === 'NaN' && type !== 'string')
}
