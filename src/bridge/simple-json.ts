import { HTTPException } from 'hono/http-exception'
import { z } from 'zod'
import type { DataAnswer } from '../core/data-node.ts'
import type { Nodes } from './nodes.ts'
import { draw, has, type Series, type Table } from './series.ts'
import { MAX_METRICS, type Metric, readTarget, type Target } from './targets.ts'

/** Samples of one answer, at most, shared by its targets. */
const MAX_SAMPLES = 1_000_000
/** Samples a target where the request does not say, and at most. */
const DEFAULT_POINTS = 1000
const MAX_POINTS = 20_000
/** Milliseconds that a list of metrics is good for: a dashboard's variables ask for it several times at once. */
const LIST_MS = 1000

const instant = z
  .union([z.string(), z.number()])
  .transform((given) => new Date(given).getTime())
  .refine(Number.isFinite, 'not a time')
const positive = z.number().positive().optional().catch(undefined)

/** The body of `/query`, as far as it matters here. Other keys, of which each Grafana version has its own, are left alone. */
export const QueryBody = z.object({
  range: z.object({ from: instant, to: instant }),
  targets: z.array(z.unknown()).max(MAX_METRICS),
  maxDataPoints: positive,
  intervalMs: positive,
})
type QueryBody = z.output<typeof QueryBody>

const TargetBody = z.object({
  target: z.string().max(4096),
  refId: z.string().max(64).optional().catch(undefined),
  type: z.string().optional().catch(undefined),
  hide: z.boolean().optional().catch(undefined),
})
/** The body of `/search`: the text of a drop-down or a variable. */
export const SearchBody = z.object({ target: z.string().max(4096).optional().catch(undefined) })

interface Asked {
  readonly target: Target
  readonly refId: string | undefined
  readonly table: boolean
}

/** The SimpleJson dialect on the data nodes of a bus: what its requests are answered with. */
export function simpleJson(nodes: Nodes): {
  /** Names of all metrics. */
  list(): Promise<string[]>
  /** Names of the metrics that contain a text, in any case. */
  search(text: string | undefined): Promise<string[]>
  /** Curves and tables, in the order of the targets. @throws HTTPException for too many */
  query(body: QueryBody): Promise<(Series | Table)[]>
} {
  let memo: { readonly at: number; readonly names: Promise<string[]> } | undefined

  const list = (): Promise<string[]> => {
    if (memo && performance.now() - memo.at < LIST_MS) return memo.names
    const names = Promise.all(
      nodes.online().map(async (node) => {
        const answer = await nodes.fields(node)
        return Object.keys(answer?.fields ?? {}).map((field) => `${node.name}::${field}`)
      }),
    ).then((lists) => lists.flat())
    memo = { at: performance.now(), names }
    return names
  }

  return {
    list,
    async search(text) {
      const names = await list()
      const target = readTarget(text)
      if (!target) return names
      const wanted = [target.literal, ...target.expanded].map((metric) => metric.text.toLowerCase())
      return names.filter((name) => wanted.some((part) => name.toLowerCase().includes(part)))
    },
    async query(body) {
      const asked = body.targets.flatMap(readAsked)
      const count = asked.reduce((sum, { target }) => sum + target.expanded.length, 0)
      if (count > MAX_METRICS)
        throw new HTTPException(400, { message: `more than ${MAX_METRICS} metrics in one request` })
      const metrics = asked.flatMap(({ target }) => [target.literal, ...target.expanded])
      const answers = await ask(nodes, metrics, body, count)
      return asked
        .flatMap(({ target: { literal, expanded }, ...how }) => {
          const literally = has(answers.get(literal.node), literal.field)
          return (literally ? [literal] : expanded).map((metric) => ({ metric, how }))
        })
        .map(({ metric, how }) => draw(metric.text, metric.field, answers.get(metric.node), how))
    },
  }
}

function readAsked(given: unknown): Asked[] {
  const { data } = TargetBody.safeParse(given)
  const target = readTarget(data?.target)
  if (!data || !target || data.hide) return []
  return [{ target, refId: data.refId, table: data.type === 'table' }]
}

/** Asks each node once for all that is wanted of it, all at the same time; what comes back, by the name asked for. */
async function ask(
  nodes: Nodes,
  metrics: readonly Metric[],
  { range, maxDataPoints, intervalMs }: QueryBody,
  count: number,
): Promise<Map<string, DataAnswer>> {
  const wanted = new Map<string, Set<string>>()
  for (const { node, field } of metrics) {
    if (field === '' || field.length > 600) continue
    wanted.set(node, (wanted.get(node) ?? new Set()).add(field))
  }
  const steps = intervalMs === undefined ? DEFAULT_POINTS : Math.ceil((range.to - range.from) / intervalMs)
  const points = Math.min(maxDataPoints ?? steps, MAX_POINTS, MAX_SAMPLES / Math.max(1, count))
  // A time of 0 or less would mean "relative to now".
  const seconds = (ms: number) => Math.max(ms / 1000, 0.001)
  const request = {
    start: seconds(range.from),
    end: seconds(range.to),
    max_points: Math.max(1, Math.floor(points)),
  }
  const answers = new Map<string, DataAnswer>()
  await Promise.all(
    [...wanted].map(async ([name, fields]) => {
      const node = nodes.find(name)
      const answer = node && (await nodes.data(node, { ...request, fields: [...fields] }))
      if (answer) answers.set(name, answer)
    }),
  )
  return answers
}
