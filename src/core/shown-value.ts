/** How a value of a field is shown to people: its digits, its units, that it has none. */
import type { FieldType, Wire } from './wire.ts'

/** Decimals that are ever shown after the point; a finer value is written with an exponent. */
const MOST = 6
/** Values below this, and from 1e6 on, are easier to read with an exponent. */
export const SMALL = 1e-3
export const LARGE = 1e6
/** A tenth of a tenth's rounding. */
const NEARLY = 1e-6

/** Decimals of values that differ by a resolution, in the field's units: 3 for 0.001 and 0.005, 2 for 0.25, 0 for 1 and more. */
export function decimalsOf(resolution: number): number {
  const least = Math.max(0, Math.ceil(-Math.log10(resolution) - NEARLY))
  const steps = resolution * 10 ** least
  return Math.abs(steps - Math.round(steps)) < NEARLY ? least : least + 1
}

/**
 * A value with the digits of its resolution, as many every time: `4.2130`; `1.20e-8` where that is finer than 1e-6 and the
 * value is small.
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

/** Units with a factor before them, as RFC 1628 has them: a UPS tells its voltage in `0.1 V`. They are recorded as they come. */

const FACTOR = /^(\d+(?:\.\d+)?(?:e[+-]?\d+)?) +([\p{L}%°].*)$/iu

/** What is known of how a field is read. */
interface Measured {
  readonly units: string | null
  /** The least step between two values, in its units. */
  readonly resolution: number | null
}

/** How values of a field are shown to people: multiplied by `factor` they are in `units`. `1200` of `0.1 V` is 120.0 V. */
export function shownIn({ units, resolution }: Measured): Measured & { readonly factor: number } {
  const [, number = '', whole = ''] = FACTOR.exec(units ?? '') ?? []
  const factor = Number(number)
  if (!(factor > 0) || factor === Infinity) return { units, resolution, factor: 1 }
  return { units: whole, resolution: resolution === null ? null : scaled(resolution, factor), factor }
}

/** A value times the factor of its units, without what multiplying adds behind its digits: 1203 × 0.1 is 120.3. */
export function scaled(value: number, factor: number): number {
  return factor === 1 ? value : Number((value * factor).toPrecision(15))
}

/** The units behind a number that is shown as it is recorded: `×0.1 V`, else as they are. */
export function unitsBehind(units: string): string {
  return FACTOR.test(units) ? `×${units}` : units
}

/** What stands for a reading that is no number (NaN): an output that is off, a sensor that is open. */
export const NO_VALUE = 'no value'

/** Whether a reading came, and has no value. */
export function hasNoValue(type: FieldType | undefined, wire: Wire | undefined): boolean {
  return wire === null || (wire === 'NaN' && type !== 'string')
}
