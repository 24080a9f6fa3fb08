/** One breakpoint of a calibration curve: sensor units (V, Ω or log₁₀ Ω, by the curve's format) and K. */
interface CurvePoint {
  units: number
  kelvin: number
}

/** A calibration curve as a Lake Shore instrument stores it: header and up to 200 breakpoints. */
export interface Curve {
  name: string
  serialNumber: string
  /** 2 V/K, 3 Ω/K, 4 log₁₀ Ω/K, 7 Ω/K cubic spline (interpolated linearly here). */
  format: number
  /** Highest temperature that the curve may give, K. */
  limit: number
  /** 1 negative, 2 positive. */
  coefficient: number
  points: CurvePoint[]
}

/** The conversion of a sensor reading by a curve; `kelvin` is 0 unless `range` is `ok`. */
export interface Conversion {
  kelvin: number
  range: 'ok' | 'under' | 'over' | 'none'
}

/** Number of breakpoints of one curve. */
export const curveLength = 200

/** An unused curve slot. */
export function emptyCurve(format: number): Curve {
  return { name: '', serialNumber: '', format, limit: 375, coefficient: 1, points: [] }
}

/** The breakpoints in use: those before the first one that is all zeros. */
export function usedPoints(curve: Curve): CurvePoint[] {
  const end = curve.points.findIndex((point) => !point || (point.units === 0 && point.kelvin === 0))
  return end < 0 ? curve.points : curve.points.slice(0, end)
}

/** The temperature of a reading in V or Ω by linear interpolation between the breakpoints around it. */
export function convert(curve: Curve | undefined, reading: number): Conversion {
  const points = curve ? usedPoints(curve) : []
  const first = points[0]
  const last = points.at(-1)
  if (!curve || !first || !last || points.length < 2) return { kelvin: 0, range: 'none' }
  const units = curve.format === 4 ? Math.log10(reading) : reading
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1], points[i]]
    if (!a || !b || (units - a.units) * (units - b.units) > 0 || a.units === b.units) continue
    const kelvin = a.kelvin + ((b.kelvin - a.kelvin) * (units - a.units)) / (b.units - a.units)
    return kelvin > curve.limit ? { kelvin: 0, range: 'over' } : { kelvin, range: 'ok' }
  }
  const beyondFirst = Math.abs(units - first.units) < Math.abs(units - last.units)
  const hot = beyondFirst ? first.kelvin > last.kelvin : last.kelvin > first.kelvin
  return { kelvin: 0, range: hot ? 'over' : 'under' }
}
