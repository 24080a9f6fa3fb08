/** `+77.3000`: sign and six significant digits, as temperature monitors show readings. */
export function sixDigits(value: number): string {
  if (value === 0) return '+0.00000'
  // toPrecision switches to exponents below 1e-6 and from 1e6 on; both are still decimals that every reader
  // parses.
  return signed(value, Math.abs(value).toPrecision(6))
}

/**
 * `+123.456E+03`: the format ±nnn.nnnE±nn of the Model 372 manual, mantissa 100–999.999 so that six digits
 * are kept.
 */
export function scientific(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return '+000.000E+00'
  const [mantissa = '0', exponent = '0'] = Math.abs(value).toExponential(5).split('e')
  return signed(value, `${(Number(mantissa) * 100).toFixed(3)}E${twoDigitExponent(Number(exponent) - 2)}`)
}

/** `+00.0005E+00`: two integer digits and four decimals, with an exponent in steps of three. */
export function engineering(value: number): string {
  if (value === 0) return '+00.0000E+00'
  const power = Math.min(0, Math.floor(Math.log10(Math.abs(value) * 10) / 3) * 3)
  const mantissa = (Math.abs(value) / 10 ** power).toFixed(4).padStart(7, '0')
  return signed(value, `${mantissa}E${twoDigitExponent(power)}`)
}

/** `+10.60`: sign and a fixed number of decimals, padded with zeros to `width` characters before the sign. */
export function fixed(decimals: number, width = 0): (value: number) => string {
  return (value) => signed(value, Math.abs(value).toFixed(decimals).padStart(width, '0'))
}

function signed(value: number, magnitude: string): string {
  return (value < 0 ? '-' : '+') + magnitude
}

function twoDigitExponent(exponent: number): string {
  return (exponent < 0 ? '-' : '+') + String(Math.abs(exponent)).padStart(2, '0')
}
