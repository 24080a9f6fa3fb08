import { z } from 'zod'
import { readTime } from '../core/arguments/point-in-time.ts'
import { csvCell } from '../core/csv.ts'
import { glob, isWild } from '../core/glob.ts'
import type { Catalog } from '../lab/catalog.ts'
import { ask, cell, DEFAULT_POINTS, milliseconds } from '../lab/fetch-curves.ts'
import { whyMissing } from '../lab/missing-metric.ts'
import type { Nodes } from '../lab/nodes.ts'
import { MAX_METRICS, type Metric, readTarget } from '../lab/targets.ts'
import { badRequest } from './http.ts'

/** Maximum rows of one answer, shared by its metrics. */
const MAX_ROWS = 200_000
const HOUR_MS = 3_600_000

type Cell = string | number | boolean | null
/** A table: the names of its columns, and its rows in time order. */
export interface Rows {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
  /** Unknown metrics, one sentence each, if others are known. */
  readonly leftOut: readonly string[]
  /** Metrics that have more samples than are included. */
  readonly thinned: readonly string[]
}
type Table = Pick<Rows, 'columns' | 'rows'>

const Flag = z.enum(['0', '1', 'true', 'false']).transform((text) => text === '1' || text === 'true')
const Points = z.coerce.number().int().min(1).max(20_000)

/**
 * Answers `GET /api/data`: `metric` (repeatable; `*` and `?` match many), `from`, `to` (unix ms, ISO 8601,
 * `now-1h`; the last hour by default), `max_points` per metric (1000), `wide` (a column per metric), `format`
 * (json or csv).
 * @throws HTTPException 400 for invalid parameters
 */
export async function rowsOf(
  { nodes, catalog }: { readonly nodes: Nodes; readonly catalog: Catalog },
  given: URLSearchParams,
): Promise<Rows> {
  const now = Date.now()
  const at = (name: string, otherwise: number): number => {
    const text = given.get(name)
    if (text === null || text === '') return otherwise
    const time = readTime(text, 1, now)
    if (time === undefined) {
      throw badRequest(
        `${name}=${text.slice(0, 50)}: not a time: write unix ms (13 digits), 2026-11-23T08:00:00Z or now-1h`,
      )
    }
    return time
  }
  const read = <S extends z.ZodType>(name: string, schema: S, what: string): z.output<S> | undefined => {
    const text = given.get(name)
    if (text === null || text === '') return undefined
    const { data } = schema.safeParse(text)
    if (data === undefined) throw badRequest(`${name}=${text.slice(0, 50)}: ${what}`)
    return data as z.output<S>
  }
  const [from, to] = [at('from', now - HOUR_MS), at('to', now)]
  if (from > to) throw badRequest('from is after to')
  const points = read('max_points', Points, '1 to 20000') ?? DEFAULT_POINTS
  const wide = read('wide', Flag, '0 or 1') ?? false
  const texts = given.getAll('metric')
  if (texts.length === 0) throw badRequest('metric is missing: /api/metrics lists them')

  const wanted = await Promise.all(texts.slice(0, MAX_METRICS + 1).map((text) => ways(text, catalog)))
  const metrics = wanted.flatMap(({ literal, others }) => [literal, ...others])
  if (wanted.reduce((sum, { others }) => sum + others.length, 0) > MAX_METRICS) {
    throw badRequest(`more than ${MAX_METRICS} metrics in one request`)
  }
  const each = Math.floor(MAX_ROWS / Math.max(1, metrics.length))
  const curves = await ask(nodes, metrics, { from, to, points: Math.min(points, each) })
  const chosen = wanted.flatMap(({ literal, others }) => (curves(literal) ? [literal] : others))
  const columns = [...new Map(chosen.map((metric) => [metric.text, metric])).values()].map((metric) => {
    const { t = [], values = [], thinned = false } = curves(metric) ?? {}
    return {
      name: metric.text,
      thinned,
      points: t.map((time, i) => [milliseconds(time), cell(values[i])] as const),
    }
  })
  const missing = wanted.filter(({ literal, others }) => {
    return !isPattern(literal) && ![literal, ...others].some((metric) => curves(metric))
  })
  const leftOut = await Promise.all(
    missing.map(async ({ literal, others }) => {
      const found = await whyMissing(others[0] ?? literal, { nodes, catalog })
      return found?.why ?? `"${literal.text.slice(0, 100)}": it names no field`
    }),
  )
  if (missing.length === wanted.length) {
    throw badRequest(`${leftOut.slice(0, 5).join('; ')}: /api/metrics lists all metrics`)
  }
  const thinned = columns.filter((column) => column.thinned).map(({ name }) => name)
  return { ...(wide ? widened(columns) : long(columns)), leftOut, thinned }
}

type Named = { readonly name: string; readonly points: readonly (readonly [number, Cell])[] }[]

function long(columns: Named): Table {
  const rows = columns.flatMap(({ name, points }) =>
    points.map(([time, value]) => [time, name, value] as const),
  )
  return { columns: ['time', 'metric', 'value'], rows: rows.sort((a, b) => a[0] - b[0]) }
}

/** A row for each time of any metric; null where a metric has no value then. */
function widened(columns: Named): Table {
  const rows = new Map<number, Cell[]>()
  for (const [at, { points }] of columns.entries()) {
    for (const [time, value] of points) {
      const row = rows.get(time) ?? [time, ...columns.map(() => null)]
      row[at + 1] = value
      rows.set(time, row)
    }
  }
  const sorted = [...rows.values()].sort((a, b) => Number(a[0]) - Number(b[0]))
  return { columns: ['time', ...columns.map(({ name }) => name)], rows: sorted }
}

/** Whether a text may match several metrics. */
function isPattern({ text }: Metric): boolean {
  return isWild(text) || text.includes('{')
}

async function ways(text: string, catalog: Catalog): Promise<{ literal: Metric; others: readonly Metric[] }> {
  const target = readTarget(text.slice(0, 4096))
  if (!target) throw badRequest('metric is empty: /api/metrics lists them')
  const { literal, expanded } = target
  if (!isWild(literal.text)) return { literal, others: expanded }
  const tests = expanded.slice(0, MAX_METRICS).map((metric) => glob(metric.text))
  return { literal, others: (await catalog.all()).filter((known) => tests.some((test) => test(known.text))) }
}

/** Rows as JSON: one object per row. */
export function asObjects({ columns, rows }: Table): object[] {
  return rows.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at] ?? null])))
}

/** Rows as CSV (RFC 4180): a header line first; null is empty. */
export function asCsv({ columns, rows }: Table): string {
  return [columns, ...rows]
    .map((row) => `${row.map((cell) => csvCell(cell === null ? '' : String(cell))).join(',')}\r\n`)
    .join('')
}
