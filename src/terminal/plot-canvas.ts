import { atResolution } from '../core/shown-value.ts'

/** One curve to draw: times (unix s) in order, and a value for each; null where there is none. */
export interface Drawn {
  readonly t: readonly number[]
  readonly values: readonly (number | null)[]
}
/** The size of a drawing in characters, and its time span, unix s. */
export interface Frame {
  readonly columns: number
  readonly rows: number
  readonly from: number
  readonly to: number
  /** Whether curves are distinguished by colour. */
  readonly colour: boolean
  /** The smallest step between two values, if known for all curves: the scale shows no finer digits. */
  readonly resolution?: number | undefined
}

const BLANK = 0x2800
/** Bits of a braille character by row and column of its dots (Unicode, "Braille Patterns"). */
const DOTS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const
/** Colours of curves, as SGR codes, and the code that ends one. */
const COLOURS = [36, 33, 35, 32, 31, 34, 96, 93] as const
const PLAIN = '\x1b[0m'
/** Characters left of the axis. */
const SCALE = 10

/** The nth curve's text in its colour. */
export function coloured(text: string, nth: number, colour: boolean): string {
  return colour ? `\x1b[${COLOURS[nth % COLOURS.length]}m${text}${PLAIN}` : text
}

/**
 * Draws curves in braille, two by four dots per character, with the scale of their values at the left and the
 * times below. Each column of dots spans the lowest to the highest value in it, so that no spike is lost.
 */
export function drawCurves(
  curves: readonly Drawn[],
  { columns, rows, from, to, colour, resolution }: Frame,
): string[] {
  const width = Math.max(4, columns - SCALE - 1)
  const height = Math.max(2, rows - 1)
  const finite = curves.flatMap(({ values }) => values.filter((value) => value !== null))
  const [low, high] = bounds(finite)
  const [dotsWide, dotsHigh] = [2 * width, 4 * height]
  const cells = Array.from({ length: height }, () =>
    Array.from({ length: width }, () => ({ bits: 0, nth: 0 })),
  )
  const dot = (x: number, y: number, nth: number) => {
    const cell = cells[Math.floor(y / 4)]?.[Math.floor(x / 2)]
    if (!cell) return
    cell.bits |= DOTS[(y % 4) as 0]?.[(x % 2) as 0] ?? 0
    cell.nth = nth
  }
  const across = (t: number) => Math.min(dotsWide - 1, Math.floor(((t - from) / (to - from)) * dotsWide))
  const down = (value: number) => Math.round(((high - value) / (high - low)) * (dotsHigh - 1))
  for (const [nth, { t, values }] of curves.entries()) {
    let before: readonly [x: number, y: number] | undefined
    for (const [i, time] of t.entries()) {
      const value = values[i] ?? null
      if (time < from || time > to) continue
      if (value === null) {
        before = undefined
        continue
      }
      const [x, y] = [across(time), down(value)]
      line(before ?? [x, y], [x, y], (atX, atY) => dot(atX, atY, nth))
      before = [x, y]
    }
  }
  const labels = new Map([
    [0, number(high, high - low, resolution)],
    [Math.floor((height - 1) / 2), number((high + low) / 2, high - low, resolution)],
    [height - 1, number(low, high - low, resolution)],
  ])
  const lines = cells.map((row, at) => {
    const drawn = row.map(({ bits, nth }) => {
      const character = String.fromCodePoint(BLANK + bits)
      return bits === 0 ? ' ' : coloured(character, nth, colour)
    })
    return `${(labels.get(at) ?? '').padStart(SCALE)}│${drawn.join('').trimEnd()}`
  })
  const [begin, end] = [clock(from, to), clock(to, from)]
  return [...lines, `${' '.repeat(SCALE + 1)}${begin}${end.padStart(Math.max(0, width - begin.length))}`]
}

/** Connects two points with dots, one column at a time. */
function line(
  [x0, y0]: readonly [number, number],
  [x1, y1]: readonly [number, number],
  dot: (x: number, y: number) => void,
) {
  const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1)
  for (let i = 0; i <= steps; i++)
    dot(Math.round(x0 + ((x1 - x0) * i) / steps), Math.round(y0 + ((y1 - y0) * i) / steps))
}

/** The lowest and the highest value, kept apart even if all values are equal. */
function bounds(values: readonly number[]): [number, number] {
  let [low, high] = [Infinity, -Infinity]
  for (const value of values) {
    if (value < low) low = value
    if (value > high) high = value
  }
  if (low > high) return [0, 1]
  if (low === high) return [low - (Math.abs(low) * 0.01 || 1), high + (Math.abs(high) * 0.01 || 1)]
  return [low, high]
}

/** A value with enough digits to distinguish lines of the scale, but no more than a known resolution has. */
function number(value: number, span: number, resolution?: number): string {
  // A tenth of the scale is fine enough to read it.
  if (resolution !== undefined)
    return atResolution(value, Math.max(resolution, 10 ** Math.floor(Math.log10(span / 10))))
  const digits = Math.ceil(Math.log10(Math.max(Math.abs(value), span) / span)) + 3
  return String(Number(value.toPrecision(Math.min(9, Math.max(3, digits)))))
}

/** Time of day in UTC, with the date if the span is longer than a day. */
function clock(time: number, other: number): string {
  const text = new Date(time * 1000).toISOString()
  return Math.abs(time - other) > 86_400 ? `${text.slice(0, 16)}Z` : `${text.slice(11, 19)}Z`
}
