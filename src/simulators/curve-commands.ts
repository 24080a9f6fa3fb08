import { type Curve, convert, curveLength, emptyCurve, usedPoints } from './curve.ts'
import { canonical, parseNumber, Refusal } from './settings.ts'

/** The curves of an instrument and the conventions of its dialect. */
export interface CurveStore {
  /** By channel (Model 240) or slot (Model 372). */
  curves: Map<string, Curve>
  keys: readonly string[]
  /** Keys below this number are standard curves, which cannot be changed. */
  firstWritable: number
  formats: readonly number[]
  /** Whether name and serial number are padded with blanks to 15 and 10 characters. */
  padded: boolean
}

/** Carries out CRVHDR, CRVPT, CRVDEL and their queries; `undefined` for a set command. @throws Refusal */
export function curveCommand(store: CurveStore, name: string, args: readonly string[]): string | undefined {
  const key = canonical(args[0] ?? '')
  if (!store.keys.includes(key)) throw new Refusal(16)
  const curve = store.curves.get(key) ?? emptyCurve(store.formats[0] ?? 2)
  if (name === 'CRVHDR?') return showHeader(store, curve)
  if (name === 'CRVPT?') return showPoint(curve, index(args[1]))
  if (Number(key) < store.firstWritable) throw new Refusal(16)
  if (name === 'CRVDEL') store.curves.delete(key)
  else store.curves.set(key, name === 'CRVHDR' ? withHeader(store, curve, args) : withPoint(curve, args))
  return undefined
}

function showHeader(store: CurveStore, curve: Curve): string {
  const name = curve.name.padEnd(store.padded ? 15 : 0)
  const serialNumber = curve.serialNumber.padEnd(store.padded ? 10 : 0)
  return [name, serialNumber, curve.format, curve.limit.toFixed(3), coefficient(curve)].join(',')
}

/** The instrument determines the sign of dR/dT (dV/dT) itself once there are points. */
function coefficient(curve: Curve): number {
  const points = usedPoints(curve)
  const [first, last] = [points[0], points.at(-1)]
  if (!first || !last || points.length < 2) return curve.coefficient
  return (last.kelvin - first.kelvin) * (last.units - first.units) > 0 ? 2 : 1
}

function showPoint(curve: Curve, at: number): string {
  const point = curve.points[at]
  return `${sixShort(point?.units ?? 0)},${sixShort(point?.kelvin ?? 0)}`
}

function sixShort(value: number): string {
  return value === 0 ? '0.00000' : value.toPrecision(6)
}

function withHeader(store: CurveStore, curve: Curve, args: readonly string[]): Curve {
  const [, name, serialNumber, format, limit, sign] = args
  if (name === undefined || args.length > 6) throw new Refusal(16)
  const next = {
    ...curve,
    name: name.trim().slice(0, 15),
    serialNumber: (serialNumber ?? curve.serialNumber).trim().slice(0, 10),
    format: format?.trim() ? parseNumber(format) : curve.format,
    limit: limit?.trim() ? parseNumber(limit) : curve.limit,
    coefficient: sign?.trim() ? parseNumber(sign) : curve.coefficient,
  }
  if (!store.formats.includes(next.format) || ![1, 2].includes(next.coefficient)) throw new Refusal(16)
  return next
}

function withPoint(curve: Curve, args: readonly string[]): Curve {
  const at = index(args[1])
  const units = Number(parseNumber(args[2] ?? '').toPrecision(6))
  const kelvin = Number(parseNumber(args[3] ?? '').toPrecision(6))
  if (args[4]?.trim()) parseNumber(args[4]) // curvature of a cubic spline: checked, not used
  const points = [...curve.points]
  for (let i = points.length; i < at; i++) points[i] = { units: 0, kelvin: 0 }
  points[at] = { units, kelvin }
  return { ...curve, points }
}

function index(text: string | undefined): number {
  const value = parseNumber(text ?? '')
  if (!Number.isInteger(value) || value < 1 || value > curveLength) throw new Refusal(16)
  return value - 1
}

/** The temperature that a channel's curve gives; see `convert`. */
export function convertBy(store: CurveStore, key: string, reading: number) {
  return convert(store.curves.get(key), reading)
}
