import uPlot from 'uplot'
import { clockText, dateText } from './clock.ts'
import type { Curve } from './curve.ts'
import { axisTexts } from './format.ts'
import type { RunView } from './shape.ts'
import { type Theme, theme } from './theme.ts'

/** Possible seconds between two labels of the time axis. */
const DAY = 86_400
const STEPS = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200,
]
const DAYS = [1, 2, 5, 10, 20, 50, 100, 200, 500].map((days) => days * DAY)
const HEIGHT = 190
/** Number of samples to search before and after the cursor for the nearest. */
const NEAR = 300
/** A region narrower than this, in CSS pixels, has no room for its name. */
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
/** The span of time shown, unix s, and the runs in it. */
export interface Shown {
  readonly from: number
  readonly to: number
  /** Interval in seconds for which the past has only the lowest and the highest value. */
  readonly width: number
  readonly runs: readonly RunView[]
  /** The value axis is logarithmic; values that are not above 0 are not shown. */
  readonly log: boolean
}
/** Mouse actions in a plot. */
export interface Hands {
  /** The time under the cursor, in any plot. */
  cursor(time: number | undefined): void
  /** A span of time was selected by dragging. */
  select(from: number, to: number): void
  /** A double click. */
  leave(): void
}

/** A plot of some curves over time. All plots of a page share their cursor. */
export class Plot {
  readonly #host: HTMLElement
  readonly #hands: Hands
  readonly #resized: ResizeObserver
  #plot: uPlot | undefined
  #lines: readonly Line[] = []
  #shown: Shown = { from: 0, to: 1, width: 0, runs: [], log: false }
  #theme: Theme = theme()

  constructor(host: HTMLElement, hands: Hands) {
    this.#host = host
    this.#hands = hands
    this.#resized = new ResizeObserver(() => {
      if (this.#plot && host.clientWidth > 0) this.#plot.setSize({ width: host.clientWidth, height: HEIGHT })
    })
    this.#resized.observe(host)
  }

  /** Draws curves in a span of time. */
  draw(lines: readonly Line[], shown: Shown): void {
    const same =
      shown.log === this.#shown.log &&
      lines.length === this.#lines.length &&
      lines.every((line, i) => line === this.#lines[i])
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

  /** Applies the present colours. */
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
    const { from, width, log } = this.#shown
    const tables = this.#lines.map(({ curve, rhythm }): uPlot.AlignedData => {
      const [t, values] = curve.drawn(from - 60, { rhythm: rhythm ?? undefined, width })
      return [t, log ? values.map((value) => (value !== null && value > 0 ? value : null)) : values]
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
      // A label is centred under the last grid line, so half of it extends beyond.
      padding: [8, 28, 0, 0],
      // Lines between pixels are smoother than those on them.
      pxAlign: 0,
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false, dist: 8 },
        bind: {
          dblclick: () => () => {
            this.#hands.leave()
            return null
          },
        },
        sync: { key: 'ocs', setSeries: false },
        dataIdx: (plot, series, hovered) => nearest(plot.data[series] ?? [], hovered),
        points: { size: 7 },
      },
      scales: {
        x: { time: true, range: () => [this.#shown.from, this.#shown.to] },
        y: this.#shown.log
          ? { distr: 3, range: (_, low, high) => decades(low, high) }
          : { range: (_, low, high) => padded(low, high) },
      },
      axes: [
        {
          ...axis,
          font,
          size: 26,
          gap: 3,
          space: this.#shown.to - this.#shown.from > DAY ? 96 : 70,
          // Includes two minutes: if one is a pixel too short, uPlot's own next is five, which may be all
          // that is shown.
          incrs: [...STEPS, ...DAYS],
          values: (_, splits, _axis, _space, step) => splits.map((time) => this.#timeText(time, step)),
        },
        {
          ...axis,
          font,
          values: (_, splits) => (this.#shown.log ? logTexts(splits) : axisTexts(splits)),
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
          ({ cursor: { left = -1 }, posToVal }) =>
            this.#hands.cursor(left < 0 ? undefined : posToVal(left, 'x')),
        ],
        setSelect: [(plot) => this.#selected(plot)],
      },
    }
  }

  #selected(plot: uPlot): void {
    const { left, width } = plot.select
    if (width === 0) return
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
    this.#hands.select(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'))
  }

  #timeText(time: number, step: number): string {
    const span = this.#shown.to - this.#shown.from
    if (step >= DAY) return dateText(time)
    const text = clockText(time)
    if (span > DAY) return `${dateText(time)} ${text.slice(0, 5)}`
    if (step < 1) return `${text}${(time % 1).toFixed(1).slice(1)}`
    return span > 1000 ? text.slice(0, 5) : text
  }

  /** Shades the runs. */
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

/** Curves of one plot have their own times: the nearest index at which this one has a value. */
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

/** A range with a margin above and below, also around a constant value. */
function padded(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high)) return [0, 1]
  const room = (high - low) * 0.08 || Math.abs(high) * 0.01 || 1
  return [low - room, high + room]
}

/** A range of whole decades around the values above 0. */
function decades(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null || !(low > 0) || !Number.isFinite(high)) return [0.1, 1]
  const bottom = 10 ** Math.floor(Math.log10(low))
  const top = 10 ** Math.ceil(Math.log10(high))
  return [bottom, top > bottom ? top : bottom * 10]
}

/** The labels of a logarithmic axis: powers of ten. */
function logTexts(ticks: readonly (number | null)[]): string[] {
  return ticks.map((tick) =>
    tick !== null && Number.isInteger(Math.round(Math.log10(tick) * 1e9) / 1e9)
      ? (axisTexts([tick])[0] ?? '')
      : '',
  )
}
