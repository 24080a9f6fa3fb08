import { z } from 'zod'
import { readTime } from '../core/arguments/point-in-time.ts'
import { glob, isWild } from '../core/glob.ts'
import type { Catalog } from '../lab/catalog.ts'
import { askReaching, DEFAULT_POINTS, milliseconds } from '../lab/fetch-curves.ts'
import { whyMissing } from '../lab/missing-metric.ts'
import type { Nodes } from '../lab/nodes.ts'
import { MAX_METRICS, readTarget, type Target } from '../lab/targets.ts'
import { choose, type Mark, states } from './annotations.ts'
import { AdHocFilters, passes } from './filters.ts'
import type { History } from './history.ts'
import { badRequest } from './http.ts'
import { draw, markTable, type Series, stateTable, type Table } from './series.ts'

const instant = z
  .union([z.string(), z.number()])
  .transform((given) => readTime(String(given), 1) ?? Number.NaN)
  .refine(Number.isFinite, 'not a time: write unix ms (13 digits), 2026-11-23T08:00:00Z or now-1h')
/** Maximum number of unknown names that an error lists. */
const TOLD = 5

const positive = z.number().positive().optional().catch(undefined)
const Range = z
  .object({ from: instant, to: instant })
  .refine(({ from, to }) => !(from > to), { error: 'from is after to', abort: true })

/**
 * The body of `/query`, as far as it is used here. Other keys, which differ between Grafana versions, are
 * ignored.
 */
export const QueryBody = z.object({
  range: Range,
  targets: z.array(z.unknown()).max(MAX_METRICS),
  maxDataPoints: positive,
  intervalMs: positive,
  /** The ad hoc filters, under the name that SimpleJson and simPod use. */
  adhocFilters: AdHocFilters,
  filters: AdHocFilters,
})
type QueryBody = z.output<typeof QueryBody>

const TargetBody = z.object({
  target: z.string().max(4096),
  refId: z.string().max(64).optional().catch(undefined),
  type: z.string().optional().catch(undefined),
  hide: z.boolean().optional().catch(undefined),
  payload: z.unknown().optional(),
})
/** The body of `/search`: the text of a drop-down or a variable. */
export const SearchBody = z.object({ target: z.string().max(4096).optional().catch(undefined) })
/** The body of `/tag-values`; an invalid one also gets a list, since on an error the plugin never settles. */
export const TagBody = z.object({ key: z.string().catch('') }).catch({ key: '' })
/** The body of `/annotations`. */
export const AnnotationsBody = z.object({
  range: Range,
  annotation: z
    .object({ query: z.string().optional().catch(undefined) })
    .optional()
    .catch(undefined),
})

type Asked = { readonly refId: string | undefined } & (
  | { readonly kind: 'metrics'; readonly target: Target; readonly table: boolean }
  | { readonly kind: 'events'; readonly words: string }
  | { readonly kind: 'states'; readonly words: string }
)

/** The curves and tables of `/query`. */
interface Answer {
  readonly drawn: readonly (Series | Table)[]
  /** Why some of it is empty, one sentence each. */
  readonly leftOut: readonly string[]
}
interface Parts {
  readonly nodes: Nodes
  readonly catalog: Catalog
  readonly history: History
}

/** The answers to `/query`, `/search` and `/annotations`, for SimpleJson and simPod's JSON alike. */
export function simpleJson({ nodes, catalog, history }: Parts): {
  /** Names of the metrics that contain a text, ignoring case; `nodes` returns the names of the data nodes. */
  search(text: string | undefined): Promise<string[]>
  /**
   * Curves and tables, in the order of the targets, and why some are empty.
   * @throws HTTPException for too many, and for unknown names if there are no others
   */
  query(body: QueryBody): Promise<Answer>
  /** Sessions and events; a session that has ended is a region. */
  annotations(body: z.output<typeof AnnotationsBody>): object[]
} {
  const list = async () => (await catalog.all()).map(({ text }) => text)

  return {
    async search(text) {
      // SimpleJson has no other way to ask for the names of nodes, which a variable needs.
      if (text?.trim() === 'nodes') return nodes.listed().map(({ name }) => name)
      const names = await list()
      const target = readTarget(text)
      if (!target) return names
      const wanted = [target.literal, ...target.expanded].map((metric) => metric.text.toLowerCase())
      return names.filter((name) => wanted.some((part) => name.toLowerCase().includes(part)))
    },
    async query({ range, targets, maxDataPoints, intervalMs, adhocFilters, filters }) {
      const asked = await writtenOut(targets.flatMap(readAsked), catalog)
      const wanted = asked.flatMap((one) => (one.kind === 'metrics' ? [one.target] : []))
      if (wanted.reduce((sum, { expanded }) => sum + expanded.length, 0) > MAX_METRICS) {
        throw badRequest(`more than ${MAX_METRICS} metrics in one request`)
      }
      const steps =
        intervalMs === undefined ? DEFAULT_POINTS : Math.ceil((range.to - range.from) / intervalMs)
      const metrics = wanted.flatMap(({ literal, expanded }) => [literal, ...expanded])
      const curves = await askReaching(nodes, metrics, { ...range, points: maxDataPoints ?? steps })
      const empty = wanted
        .filter(({ literal }) => !curves(literal))
        .flatMap(({ expanded }) => expanded.filter((metric) => !curves(metric)))
      const reasons = await Promise.all(
        empty.slice(0, TOLD).map((metric) => whyMissing(metric, { nodes, catalog })),
      )
      const missing = reasons.filter((reason) => reason !== undefined)
      const leftOut = missing.map(({ why }) => why)
      const isAll = wanted.length === asked.length && !metrics.some((metric) => curves(metric))
      if (isAll && missing.some(({ isUnknown }) => isUnknown))
        throw badRequest(`${leftOut.join('; ')}: /api/metrics lists all metrics`)
      const drawn = asked.flatMap((one): (Series | Table)[] => {
        if (one.kind === 'events') return [markTable(choose(history, { ...range, ...one }), one.refId)]
        if (one.kind === 'states') return [stateTable(states(history, { ...range, ...one }), one.refId)]
        const { literal, expanded } = one.target
        return (curves(literal) ? [literal] : expanded)
          .filter((metric) => passes(metric, curves(metric), [...adhocFilters, ...filters]))
          .map((metric) => draw(metric.text, curves(metric), { ...one, to: range.to }))
      })
      return { drawn, leftOut }
    },
    annotations: ({ range, annotation }) =>
      choose(history, { ...range, words: annotation?.query ?? '' }).map(annotated),
  }
}

/** Targets with `*` and `?` replaced by the matching metrics: `LSA21OQ::*` is all fields of one node. */
async function writtenOut(asked: readonly Asked[], catalog: Catalog): Promise<Asked[]> {
  const isPattern = (one: Asked) =>
    one.kind === 'metrics' && one.target.expanded.some(({ text }) => isWild(text))
  if (!asked.some(isPattern)) return [...asked]
  const known = await catalog.all()
  return asked.map((one) => {
    if (one.kind !== 'metrics' || !isPattern(one)) return one
    const tests = one.target.expanded.map(({ text }) => glob(text))
    const expanded = known.filter(({ text }) => tests.some((test) => test(text)))
    return { ...one, target: { literal: one.target.literal, expanded } }
  })
}

function annotated({ time, end, title, text, tags }: Mark): object {
  const timeEnd = end === undefined ? undefined : milliseconds(end)
  return { time: milliseconds(time), ...(timeEnd !== undefined && { timeEnd }), title, text, tags }
}

function readAsked(given: unknown): Asked[] {
  const { data } = TargetBody.safeParse(given)
  if (!data || data.hide) return []
  const { refId, payload } = data
  // Names of metrics contain "::", so these are not metrics.
  const word = data.target.includes('::') ? null : /^(.* )?(events|states)( .*)?$/is.exec(data.target.trim())
  if (word) {
    const kind = word[2]?.toLowerCase() === 'events' ? 'events' : 'states'
    return [{ kind, refId, words: [word[1], word[3], ...words(payload)].join(' ') }]
  }
  const text = data.target.trim() === 'field' ? pickedFields(payload) : data.target
  const target = readTarget(text)
  return target ? [{ kind: 'metrics', target, refId, table: data.type === 'table' }] : []
}

/** All texts in a target's payload: the words to search for. */
function words(payload: unknown): string[] {
  if (typeof payload === 'string') return [payload.slice(0, 1000)]
  if (typeof payload !== 'object' || payload === null) return []
  return Object.values(payload)
    .flat()
    .filter((value): value is string => typeof value === 'string')
    .map((value) => value.slice(0, 1000))
    .slice(0, 20)
}

/** The choice in simPod's two drop-downs, `{node, field}`, as a target; either may be a list. */
function pickedFields(payload: unknown): string | undefined {
  const { data } = z.object({ node: OneOrMore, field: OneOrMore }).safeParse(payload)
  return data && `${alternatives(data.node)}::${alternatives(data.field)}`
}
const OneOrMore = z.union([z.string(), z.array(z.string()).min(1).max(MAX_METRICS)])

function alternatives(given: string | readonly string[]): string {
  if (typeof given === 'string') return given
  return `(${given.map((text) => text.replaceAll(/[\\()|]/g, '\\$&')).join('|')})`
}
