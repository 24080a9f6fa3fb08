import { type Context, Hono } from 'hono'
import { readTime } from '../../core/arguments/point-in-time.ts'
import type { Catalog } from '../../lab/catalog.ts'
import { DEFAULT_POINTS } from '../../lab/fetch-curves.ts'
import type { LabView } from '../../lab/lab-view.ts'
import type { Nodes } from '../../lab/nodes.ts'
import { MAX_METRICS } from '../../lab/targets.ts'
import { choose } from '../annotations.ts'
import type { History } from '../history.ts'
import { answer, badRequest, oneLine, parameters, tellLeftOut } from '../http.ts'
import { functionIndex, functionOf } from './declaration.ts'
import { FUNCTIONS } from './functions.ts'
import { graphiteNames } from './names.ts'
import { operationNames } from './operations.ts'
import { render } from './render.ts'

/** Maximum number of different complaints that are logged: a dashboard repeats its own every second. */
const MAX_COMPLAINTS = 100
/** Maximum characters of a pattern, and maximum patterns of one list. */
const MAX_PATTERN = 4096
const MAX_QUERIES = 20
const DAY_MS = 86_400_000

interface Parts {
  readonly nodes: Nodes
  readonly catalog: Catalog
  readonly history: History
  readonly lab: LabView
  log(text: string): void
}

/**
 * The Graphite dialect, as the data source built into Grafana speaks it: `/metrics/find`, `/metrics/expand`,
 * `/render`, `/events/get_data`, `/functions`, `/version`, `/tags/…`, each by GET or by a posted form.
 * (graphite.readthedocs.io, "The Render URL API" and "The Metrics API")
 */
export function graphite({ nodes, catalog, history, lab, log }: Parts): Hono {
  const app = new Hono()
  const names = graphiteNames(nodes, catalog)
  const operations = operationNames(
    history,
    (instance, op) => lab.instances.get(instance)?.api?.ops[op]?.kind,
  )
  const find = async (query: string) => [...(await names.find(query)), ...operations.find(query)]
  const complaints = new Set<string>()
  const route = (path: string, act: (c: Context, given: URLSearchParams) => Promise<Response> | Response) => {
    app.on(['GET', 'POST'], [path, `${path}/`], async (c) => act(c, await parameters(c)))
  }

  const complain = (reasons: readonly string[]) => {
    for (const reason of reasons) {
      if (complaints.size >= MAX_COMPLAINTS || complaints.has(reason)) continue
      complaints.add(reason)
      log(`graphite: left out: ${oneLine(reason)}`)
    }
  }

  route('/metrics/find', async (c, given) => {
    const found = await find(pattern(given.get('query') ?? ''))
    return answer(
      c,
      found.map(({ text, path, leaf }) => {
        const branch = leaf ? 0 : 1
        return { text, id: path, leaf: 1 - branch, expandable: branch, allowChildren: branch }
      }),
    )
  })
  route('/metrics/expand', async (c, given) => {
    const queries = given.getAll('query').slice(0, MAX_QUERIES)
    const found = await Promise.all(queries.map((query) => find(pattern(query))))
    return answer(c, { results: [...new Set(found.flat().map(({ path }) => path))] })
  })
  route('/render', async (c, given) => {
    const format = given.get('format') ?? 'json'
    if (format !== 'json') throw badRequest(`format=${format.slice(0, 20)}: only json is served`)
    const targets = given.getAll('target').filter((target) => target.trim() !== '')
    if (targets.length > MAX_METRICS) throw badRequest(`more than ${MAX_METRICS} targets in one request`)
    const points = Number(given.get('maxDataPoints') ?? DEFAULT_POINTS)
    const span = { ...spanOf(given), points: points >= 1 ? points : DEFAULT_POINTS }
    const { lines, leftOut, isFault } = await render({ nodes, names, operations }, targets, span)
    if (isFault) throw badRequest(leftOut.slice(0, 5).join('; '))
    complain(leftOut)
    tellLeftOut(c, leftOut)
    return answer(c, lines)
  })
  route('/events/get_data', (c, given) => {
    const { from, to } = spanOf(given)
    const found = choose(history, { from, to, words: given.get('tags') ?? '', all: true })
    return answer(
      c,
      found.flatMap(({ id, time, end, title, text, tags }) => {
        const begins = { id, when: Math.floor(time), what: title, tags, data: text }
        // Graphite has no regions, so the end of one is an event of its own.
        return end === undefined
          ? [begins]
          : [begins, { ...begins, id: `${id}/end`, when: Math.floor(end), what: `${title} (end)` }]
      }),
    )
  })
  route('/functions', (c) => answer(c, functionIndex(FUNCTIONS)))
  route('/functions/:name', (c) => {
    const name = c.req.param('name') ?? ''
    functionOf(name, FUNCTIONS)
    return answer(c, functionIndex(FUNCTIONS)[name])
  })
  route('/version', (c) => answer(c, '1.1.10'))
  route('/tags', (c) => answer(c, []))
  route('/tags/*', (c) => answer(c, []))
  return app
}

function pattern(text: string): string {
  if (text.length > MAX_PATTERN) throw badRequest(`query: longer than ${MAX_PATTERN} characters`)
  return text
}

/** The time range of a request, in ms; the last day by default. */
function spanOf(given: URLSearchParams): { from: number; to: number } {
  const now = Date.now()
  const at = (name: string, otherwise: number) => {
    const text = given.get(name)
    if (text === null || text.trim() === '') return otherwise
    const time = readTime(text, 1000, now)
    if (time === undefined) {
      throw badRequest(
        `${name}=${text.slice(0, 50)}: not a time: write unix seconds, now, -1h, 08:00_20261123 or 2026-11-23T08:00:00Z`,
      )
    }
    return time
  }
  const span = { from: at('from', now - DAY_MS), to: at('until', now) }
  if (span.from > span.to) throw badRequest('from is after until')
  return span
}
