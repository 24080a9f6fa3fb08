import { printable } from '../core/printable.ts'
import { atResolution, NO_VALUE, scaled, shownIn } from '../core/shown-value.ts'
import type { Known } from '../lab/catalog.ts'
import { coloured, type Drawn, drawCurves, type Frame } from './plot-canvas.ts'

/** The fewest rows of a drawing, including its times and its units. */
const LEAST = 6

/** A curve for display: in display units, with its line of the legend. */
interface Curve extends Drawn {
  readonly units: string
  readonly resolution: number | null
  readonly legend: string
}

/**
 * All curves with their names and last values, then one drawing for each unit, one below the other.
 * @param how `isWhole`: uses as many rows as needed; otherwise only those of the frame, and the curves that
 *   do not fit are counted, together with `left`, the number of curves that are not among the metrics
 */
export function plotPicture(
  metrics: readonly Known[],
  curveOf: (metric: Known) => Drawn,
  frame: Frame,
  { isWhole, left: beyond }: { readonly isWhole: boolean; readonly left: number },
): string[] {
  const all = metrics.map((metric) => curve(metric, curveOf(metric)))
  const most = isWhole ? all.length : fitting(all, frame)
  const curves = all.slice(0, most)
  const left = beyond + all.length - most
  const units = [...new Set(curves.map((one) => one.units))]
  const head = [
    ...legend(curves, frame),
    ...(left > 0 ? [`${left} more do not fit: name those to plot`] : []),
  ]
  const rows = Math.max(LEAST, Math.floor((frame.rows - head.length) / units.length))
  const drawings = units.flatMap((unit) => {
    // Each curve keeps its index, and so its colour.
    const own = curves.map((one) => (one.units === unit ? one : { t: [], values: [] }))
    const steps = curves.filter((one) => one.units === unit).map((one) => one.resolution)
    const resolution = steps.every((step) => step !== null) ? Math.min(...steps) : undefined
    const title = units.length > 1 ? [unit === '' ? 'without units' : unit] : []
    return [...title, ...drawCurves(own, { ...frame, rows: rows - title.length, resolution })]
  })
  return [...head, ...drawings]
}

function curve({ node, field, about }: Known, { t, values }: Drawn): Curve {
  const {
    resolution = null,
    units,
    factor,
  } = shownIn({
    units: about.units,
    resolution: about.resolution ?? null,
  })
  const shown = values.map((value) => (value === null ? null : scaled(value, factor)))
  const last = shown.at(-1)
  const digits = (value: number) =>
    resolution === null ? Number(value.toPrecision(6)) : atResolution(value, resolution)
  const nothing = t.length === 0 ? 'no data' : NO_VALUE
  const value = last == null ? nothing : `${digits(last)} ${units ?? ''}`.trimEnd()
  return {
    t,
    values: shown,
    units: units ?? '',
    resolution,
    legend: printable(`${node}::${field}  ${value}`),
  }
}

/** The number of curves whose names fit above a drawing for each of their units. */
function fitting(curves: readonly Curve[], frame: Frame): number {
  for (let most = curves.length; most > 1; most--) {
    const some = curves.slice(0, most)
    const units = new Set(some.map((one) => one.units)).size
    const lines = legend(some, frame).length + (most < curves.length ? 1 : 0)
    if (lines + units * LEAST <= frame.rows) return most
  }
  return Math.min(1, curves.length)
}

/** Names with their last values, in as many columns as fit. */
function legend(curves: readonly Curve[], { columns, colour }: Frame): string[] {
  const width = Math.max(0, ...curves.map((one) => one.legend.length)) + 2
  const across = Math.max(1, Math.floor((columns + 2) / width))
  const down = Math.ceil(curves.length / across)
  return Array.from({ length: down }, (_, row) =>
    curves
      .flatMap(({ legend: text }, nth) => {
        if (nth % down !== row) return []
        const isLast = nth + down >= curves.length
        const cell = isLast ? text : text.padEnd(width)
        return [coloured(across === 1 ? cell.slice(0, columns) : cell, nth, colour)]
      })
      .join(''),
  )
}
