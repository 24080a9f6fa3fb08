import type { DataAnswer, FieldEntry } from '../core/data-node.ts'
import { overdueAfter, withGaps } from '../core/rhythm.ts'
import { askArchives, MORE, type Older } from './archives.ts'
import type { Node, Nodes } from './nodes.ts'
import type { Metric } from './targets.ts'

/** Samples of one answer, at most, shared by its metrics. */
const MAX_SAMPLES = 1_000_000
/** Samples a metric where the request does not say, and at most. */
export const DEFAULT_POINTS = 1000
const MAX_POINTS = 20_000
/** Fields a data node is asked for at once. */
const FIELDS = 1000
/** Characters of the longest field a data node can have. */
const FIELD_LENGTH = 600

/** What is asked for: from when to when (unix ms), and how many samples of each metric may come. */
export interface Span {
  readonly from: number
  readonly to: number
  readonly points: number
}

/** One metric's data: times (unix s) and as many values; null stands for NaN. */
export interface Curve {
  readonly about: FieldEntry
  readonly t: readonly number[]
  readonly values: readonly unknown[]
  /** Seconds of which no more than the lowest and the highest value are there. */
  readonly width: number
  /** Whether samples were left out; also where a node does not say. */
  readonly thinned: boolean
}
/** Finds what came back for a metric; undefined when no node has it, or the node did not answer. */
export type Curves = (metric: Metric) => Curve | undefined

/**
 * Asks each data node once for all that is wanted of it, all at the same time; then archives for what is older than live
 * nodes remember (docs/decisions/0008-live-and-archive.md). A node that fails costs its own metrics.
 */
export async function ask(nodes: Nodes, metrics: Iterable<Metric>, span: Span): Promise<Curves> {
  const wanted = new Map<string, Set<string>>()
  for (const { node, field } of metrics) {
    if (field === '' || field.length > FIELD_LENGTH) continue
    wanted.set(node, (wanted.get(node) ?? new Set()).add(field))
  }
  const count = [...wanted.values()].reduce((sum, fields) => sum + fields.size, 0)
  const points = Math.max(1, Math.floor(Math.min(span.points, MAX_POINTS, MAX_SAMPLES / Math.max(1, count))))
  const width = (span.to - span.from) / 1000 / Math.max(1, Math.floor((points - 1) / 2))
  // A time of 0 or less would mean "relative to now".
  const [start, end] = [Math.max(span.from / 1000, 0.001), Math.max(span.to / 1000, 0.001)]
  const curves = new Map<string, Curve & { readonly heldFrom: number }>()
  await Promise.all(
    [...wanted].map(async ([name, set]) => {
      const node = nodes.find(name)
      if (!node || node.away) return
      const fields = [...set]
      const max_points = share(node, start, end, points)
      for (let at = 0; at < fields.length; at += FIELDS) {
        const request = { start, end, max_points, fields: fields.slice(at, at + FIELDS) }
        const answer = await nodes.data(node, request)
        if (!answer) return
        for (const [field, curve] of curvesOf(answer, width)) curves.set(`${name}::${field}`, curve)
      }
    }),
  )
  const older = new Map<string, Older>()
  for (const [name, fields] of wanted) {
    const node = nodes.find(name)
    for (const field of node?.live ? fields : []) {
      const curve = curves.get(`${name}::${field}`)
      const source = curve?.about.source ?? `${node?.live?.source}.${field}`
      const before = curve?.heldFrom ?? Infinity
      if (start < before) older.set(`${name}::${field}`, { source, before })
    }
  }
  const rest = { start, end, max_points: points }
  const recorded = older.size > 0 ? await askArchives(nodes, [...older.values()], rest) : () => undefined
  return ({ node, field }) => {
    const key = `${node}::${field}`
    const curve = curves.get(key)
    const asked = older.get(key)
    const before = asked && recorded(asked)
    if (!before) return curve
    if (!curve) return { ...before, width }
    const thinned = before.thinned || curve.thinned
    return { ...curve, t: [...before.t, ...curve.t], values: [...before.values, ...curve.values], thinned }
  }
}

/**
 * The same, and of fields whose samples come more seldom than what is shown is long those before it, as far as they count as
 * now: a tile of the last five minutes shows the weather of seven minutes ago.
 */
export async function askReaching(nodes: Nodes, metrics: readonly Metric[], span: Span): Promise<Curves> {
  const curves = await ask(nodes, metrics, span)
  const reach = (metric: Metric) => 1000 * overdueAfter(curves(metric)?.about.rhythm ?? 0)
  const slow = metrics.filter((metric) => reach(metric) > span.to - span.from)
  if (slow.length === 0) return curves
  const names = new Set(slow.map(({ text }) => text))
  const from = span.to - Math.max(...slow.map(reach))
  const longer = await ask(nodes, slow, { ...span, from })
  return (metric) => (names.has(metric.text) ? longer(metric) : undefined) ?? curves(metric)
}

/** The points that are a live node's of those for the whole span: most of a year is the archive's. */
function share({ live }: Node, start: number, end: number, points: number): number {
  if (!live) return points
  const shown = Math.min(end, Date.now() / 1000) - start
  return Math.min(points, Math.ceil((points * live.keeps) / Math.max(shown, 1)) + MORE)
}

function* curvesOf(answer: DataAnswer, width: number): Generator<[string, Curve & { heldFrom: number }]> {
  for (const [field, about] of Object.entries(answer.fields)) {
    const { t = [], held_from, thinned = true } = answer.timeline[about.timeline] ?? {}
    // One that does not say has all there is.
    const heldFrom = held_from === undefined ? -Infinity : (held_from ?? Infinity)
    yield [field, { about, t, values: answer.data[field] ?? [], width, thinned, heldFrom }]
  }
}

/**
 * A curve to draw: its numbers and their times (unix s), with null wherever a sample is missing, at the end too.
 * @param to the end of what is shown, unix ms
 */
export function drawable(
  { about, t, values, width }: Curve,
  to: number,
  now = Date.now(),
): (readonly [number | null, number])[] {
  const until = Math.min(to, now) / 1000
  const [times, numbers] = withGaps(t, values.map(numeric), { rhythm: about.rhythm, width, until })
  return times.map((time, i) => [numbers[i] ?? null, time])
}

/** A time in ms, as Grafana counts. */
export function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000)
}

/** A value as a curve draws it: a boolean is 0 or 1, anything that is no number is null. */
export function numeric(value: unknown): number | null {
  if (typeof value === 'boolean') return value ? 1 : 0
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

/** A value as a cell of a table holds it. */
export function cell(value: unknown): string | number | boolean | null {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null
}
