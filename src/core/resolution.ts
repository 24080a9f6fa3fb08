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
