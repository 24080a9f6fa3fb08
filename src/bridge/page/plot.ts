import uPlot from 'uplot'
import { clockText } from './clock.ts'
import type { Curve } from './curve.ts'
import { axisTexts } from './format.ts'
import type { RunView } from './shape.ts'
import { type Theme, theme } from './theme.ts'

/** Seconds between two times below a plot. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400]
const HEIGHT = 190
/** Samples that are looked back and ahead for the one under the cursor. */
const NEAR = 300
/** A region narrower than this, CSS pixels, has no room for its name. */
const NAMED = 60

/** One curve of a plot. */
export interface Line {
  readonly label: string
  readonly curve: Curve
  readonly colour: number
  readonly dashed: boolean
  /** Declared seconds between two samples. */
  readonly rhythm: number | null
}
/** The span of time that is shown, unix s, and what went on in it. */
export interface Shown {
  readonly from: number
  readonly to: number
  /** Seconds of the past of which no more than the lowest and the highest value are there. */
  readonly width: number
  readonly runs: readonly RunView[]
}

/** A plot of some curves over time. All plots of a page share their cursor. */
export class Plot {
  readonly #host: HTMLElement
  readonly #onCursor: (time: number | undefined) => void
  readonly #resized: ResizeObserver
  #plot: uPlot | undefined
  #lines: readonly Line[] = []
  #shown: Shown = { from: 0, to: 1, width: 0, runs: [] }
  #theme: Theme = theme()

  /** @param onCursor hears of the time under the cursor, of any plot */
  constructor(host: HTMLElement, onCursor: (time: number | undefined) => void) {
    this.#host = host
    this.#onCursor = onCursor
    this.#resized = new ResizeObserver(() => {
      if (this.#plot && host.clientWidth > 0) this.#plot.setSize({ width: host.clientWidth, height: HEIGHT })
    })
    this.#resized.observe(host)
  }

  /** Draws curves in a span of time. */
  draw(lines: readonly Line[], shown: Shown): void {
    const same = lines.length === this.#lines.length && lines.every((line, i) => line === this.#lines[i])
    this.#lines = lines
    this.#shown = shown
    const data = this.#data()
    if (!this.#plot || !same) {
      this.#plot?.destroy()
      this.#plot = new uPlot(this.#options(), data, this.#host)
    } else {
      this.#plot.batch(() => {
        this.#plot?.setData(data, false)
        this.#plot?.setScale('x', { min: shown.from, max: shown.to })
      })
    }
  }

  /** Takes the colours anew. */
  restyle(): void {
    this.#theme = theme()
    this.#plot?.destroy()
    this.#plot = undefined
  }

  destroy(): void {
    this.#resized.disconnect()
    this.#plot?.destroy()
    this.#plot = undefined
  }

  #data(): uPlot.AlignedData {
    const { from, width } = this.#shown
    const tables = this.#lines.map(({ curve, rhythm }): uPlot.AlignedData => {
      return curve.drawn(from - 60, { rhythm: rhythm ?? undefined, width })
    })
    if (tables.length === 0) return [[]]
    return tables.length === 1 ? (tables[0] as uPlot.AlignedData) : uPlot.join(tables)
  }

  #options(): uPlot.Options {
    const { text, grid, curves } = this.#theme
    const axis = {
      stroke: text,
      grid: { stroke: grid, width: 1 },
      ticks: { stroke: grid, width: 1, size: 4 },
    }
    const font = '11px system-ui, sans-serif'
    return {
      width: Math.max(100, this.#host.clientWidth),
      height: HEIGHT,
      // A time stands under the last line of the grid, half of it beyond.
      padding: [8, 28, 0, 0],
      // Lines between pixels are smoother than those on them.
      pxAlign: 0,
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false },
        sync: { key: 'ocs', setSeries: false },
        dataIdx: (plot, series, hovered) => nearest(plot.data[series] ?? [], hovered),
        points: { size: 7 },
      },
      scales: {
        x: { time: true, range: () => [this.#shown.from, this.#shown.to] },
        y: { range: (_, low, high) => padded(low, high) },
      },
      axes: [
        {
          ...axis,
          font,
          size: 26,
          gap: 3,
          space: 70,
          // Two minutes, too: where one is a pixel too short uPlot's own next is five, which are all that is shown.
          incrs: STEPS,
          values: (_, splits) => splits.map((time) => this.#timeText(time)),
        },
        {
          ...axis,
          font,
          values: (_, splits) => axisTexts(splits),
          size: (_, values) => 14 + 6.5 * Math.max(3, ...(values ?? []).map((v) => v.length)),
        },
      ],
      series: [
        {},
        ...this.#lines.map(({ label, colour, dashed }) => ({
          label,
          stroke: curves[colour] ?? text,
          width: 1.5,
          points: { show: true, size: 4, filter: (plot: uPlot, at: number) => alone(plot.data[at] ?? []) },
          ...(dashed && { dash: [6, 4] }),
        })),
      ],
      hooks: {
        drawAxes: [(plot) => this.#regions(plot)],
        setCursor: [
          ({ cursor: { left = -1 }, posToVal }) => this.#onCursor(left < 0 ? undefined : posToVal(left, 'x')),
        ],
      },
    }
  }

  #timeText(time: number): string {
    const text = clockText(time)
    return this.#shown.to - this.#shown.from > 1000 ? text.slice(0, 5) : text
  }

  /** Shades what ran meanwhile. */
  #regions(plot: uPlot): void {
    const { ctx, bbox } = plot
    const { from, to, runs } = this.#shown
    const { region, trouble, text } = this.#theme
    ctx.save()
    ctx.font = `${10 * devicePixelRatio}px system-ui, sans-serif`
    ctx.textBaseline = 'top'
    for (const { instance, op, start, end, state } of runs) {
      if (start > to || (end ?? to) < from) continue
      const left = plot.valToPos(Math.max(start, from), 'x', true)
      const right = plot.valToPos(Math.min(end ?? to, to), 'x', true)
      const width = Math.max(right - left, devicePixelRatio)
      ctx.fillStyle = state === 'failed' || state === 'degraded' ? trouble : region
      ctx.fillRect(left, bbox.top, width, bbox.height)
      if (width < NAMED * devicePixelRatio) continue
      ctx.fillStyle = text
      ctx.fillText(`${instance} ${op}`, left + 3 * devicePixelRatio, bbox.top + 2, width - 4)
    }
    ctx.restore()
  }
}

/** Curves of one plot have times of their own: the nearest place where this one has a value. */
function nearest(values: ArrayLike<unknown>, hovered: number): number {
  for (let far = 0; far < NEAR; far++) {
    if (values[hovered - far] != null) return hovered - far
    if (values[hovered + far] != null) return hovered + far
  }
  return hovered
}

/** Samples between two empty places, which no line shows: they are drawn as points. */
function alone(values: ArrayLike<number | null | undefined>): number[] {
  const found: number[] = []
  let last: number | null = null
  let before: number | null = null
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (value === undefined) continue
    if (value === null && last !== null && before === null) found.push(last)
    before = value === null || last === null ? null : last
    last = value === null ? null : i
  }
  if (last !== null && before === null) found.push(last)
  return found
}

/** A range with room above and below, also around a value that never changes. */
function padded(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high)) return [0, 1]
  const room = (high - low) * 0.08 || Math.abs(high) * 0.01 || 1
  return [low - room, high + room]
}
