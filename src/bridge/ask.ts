import type { DataAnswer, FieldEntry } from '../core/data-node.ts'
import type { Nodes } from './nodes.ts'
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
}
/** Finds what came back for a metric; undefined when no node has it, or the node did not answer. */
export type Curves = (metric: Metric) => Curve | undefined

/** Asks each data node once for all that is wanted of it, all at the same time. A node that fails costs its own metrics. */
export async function ask(nodes: Nodes, metrics: Iterable<Metric>, span: Span): Promise<Curves> {
  const wanted = new Map<string, Set<string>>()
  for (const { node, field } of metrics) {
    if (field === '' || field.length > FIELD_LENGTH) continue
    wanted.set(node, (wanted.get(node) ?? new Set()).add(field))
  }
  const count = [...wanted.values()].reduce((sum, fields) => sum + fields.size, 0)
  const points = Math.min(span.points, MAX_POINTS, MAX_SAMPLES / Math.max(1, count))
  // A time of 0 or less would mean "relative to now".
  const seconds = (ms: number) => Math.max(ms / 1000, 0.001)
  const request = {
    start: seconds(span.from),
    end: seconds(span.to),
    max_points: Math.max(1, Math.floor(points)),
  }
  const answers = new Map<string, DataAnswer[]>()
  await Promise.all(
    [...wanted].map(async ([name, set]) => {
      const node = nodes.find(name)
      if (!node) return
      const fields = [...set]
      for (let at = 0; at < fields.length; at += FIELDS) {
        const part = await nodes.data(node, { ...request, fields: fields.slice(at, at + FIELDS) })
        if (!part) return
        answers.set(name, [...(answers.get(name) ?? []), part])
      }
    }),
  )
  return ({ node, field }) => {
    const found = answers.get(node)?.find(({ fields }) => Object.hasOwn(fields, field))
    const about = found?.fields[field]
    if (!found || !about) return undefined
    return { about, t: found.timeline[about.timeline]?.t ?? [], values: found.data[field] ?? [] }
  }
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
