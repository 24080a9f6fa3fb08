import type { DataAnswer } from '../../core/data-node.ts'
import { cell } from '../../lab/fetch-curves.ts'
import type { Node, Nodes } from '../../lab/nodes.ts'
import { readTarget } from '../../lab/targets.ts'
import type { Cell, Part } from '../page/shape.ts'

/** Milliseconds between two requests to a data node: values on the page are no older. */
const POLL_MS = 400
/** Minimum seconds between two samples of a metric: a page draws no faster. */
const STRIDE = 0.2
/** Maximum and minimum seconds to look back for new samples. */
const LONGEST = 15
const OVERLAP = 2
/** Seconds by which a clock may be ahead of the bridge's. */
const AHEAD = 60
/** Number of fields requested from a data node at once. */
const FIELDS = 1000

/** A subscription to new samples. */
export interface Watcher extends Disposable {
  /** Chooses the metrics, `NAME::field`, from now on. */
  want(metrics: readonly string[]): void
}
/** New samples of data nodes, as they arrive. */
export interface LiveValues extends Disposable {
  /** @param listener receives lists of `Part`s, as JSON */
  watch(listener: (parts: string) => void): Watcher
}

interface Watching {
  readonly listener: (parts: string) => void
  /** Fields by the name of their node. */
  wanted: ReadonlyMap<string, ReadonlySet<string>>
}

/**
 * Polls the data nodes for new samples, once for all watchers, and not at all while there are none. A node
 * that is slow or dead delays no other.
 */
export function liveValues(nodes: Nodes): LiveValues {
  const watching = new Set<Watching>()
  const asking = new Set<string>()
  /** The newest sample passed on, by node and timeline. */
  const newest = new Map<string, Map<string, number>>()
  let timer: Timer | undefined

  const poll = () => {
    const wanted = new Map<string, Set<string>>()
    for (const one of watching)
      for (const [name, fields] of one.wanted)
        wanted.set(name, new Set([...(wanted.get(name) ?? []), ...fields]))
    for (const [name, fields] of wanted) {
      const node = asking.has(name) ? undefined : nodes.find(name)
      if (!node || node.away) continue
      asking.add(name)
      void askOne(node, [...fields]).finally(() => asking.delete(name))
    }
    for (const name of newest.keys()) if (!wanted.has(name)) newest.delete(name)
  }

  const askOne = async (node: Node, fields: readonly string[]): Promise<void> => {
    const known = newest.get(node.name) ?? new Map<string, number>()
    newest.set(node.name, known)
    const now = Date.now() / 1000
    const recent = [...known.values()].filter((time) => time > now - LONGEST)
    const start = Math.max(now - LONGEST, Math.min(now - OVERLAP, ...recent))
    // A timeline may be in several answers.
    const before = new Map(known)
    for (let at = 0; at < fields.length; at += FIELDS) {
      const asked = fields.slice(at, at + FIELDS)
      const answer = await nodes.data(node, { fields: asked, start, end: now + AHEAD, min_stride: STRIDE })
      if (!answer) return
      handOn(node.name, newParts(node.name, answer, before, known))
    }
  }

  const handOn = (name: string, parts: readonly Part[]) => {
    // Each column is converted to JSON once, however many watch it.
    const written = parts.map(({ t, values }) => ({
      times: JSON.stringify(t),
      columns: Object.entries(values).map(([metric, cells]) => ({
        field: metric.slice(name.length + 2),
        text: `${JSON.stringify(metric)}:${JSON.stringify(cells)}`,
      })),
    }))
    for (const { listener, wanted } of watching) {
      const fields = wanted.get(name)
      const own = written.flatMap(({ times, columns }) => {
        const mine = columns.filter(({ field }) => fields?.has(field))
        return mine.length > 0 ? [`{"t":${times},"values":{${mine.map(({ text }) => text).join()}}}`] : []
      })
      if (own.length > 0) listener(`[${own.join()}]`)
    }
  }

  return {
    watch(listener) {
      const one: Watching = { listener, wanted: new Map() }
      watching.add(one)
      timer ??= setInterval(poll, POLL_MS)
      return {
        want(metrics) {
          one.wanted = byNode(metrics)
        },
        [Symbol.dispose]() {
          watching.delete(one)
          if (watching.size > 0) return
          clearInterval(timer)
          timer = undefined
        },
      }
    },
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

function byNode(metrics: readonly string[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const text of metrics) {
    const { node = '', field = '' } = readTarget(text)?.literal ?? {}
    if (field !== '') found.set(node, (found.get(node) ?? new Set()).add(field))
  }
  return found
}

/** The samples of an answer that are newer than the known ones; `known` is updated. */
function newParts(
  name: string,
  { data, timeline, fields }: DataAnswer,
  before: ReadonlyMap<string, number>,
  known: Map<string, number>,
): Part[] {
  const byTimeline = Map.groupBy(Object.entries(fields), ([, about]) => about.timeline)
  return [...byTimeline].flatMap(([line, list]) => {
    const times = timeline[line]?.t ?? []
    const after = before.get(line) ?? -Infinity
    const first = times.findIndex((time) => time > after)
    const last = times.at(-1)
    if (first < 0 || last === undefined) return []
    known.set(line, last)
    const values = list.map(([field]): [string, Cell[]] => [
      `${name}::${field}`,
      (data[field] ?? []).slice(first).map(cell),
    ])
    return [{ t: times.slice(first), values: Object.fromEntries(values) }]
  })
}
