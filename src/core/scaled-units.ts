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
