import { braces, glob, isWild } from '../../core/glob.ts'
import { plainNames } from '../../grafana/plain-names.ts'
import { type Catalog, type Known, shownLive } from '../../lab/catalog.ts'
import type { Node, Nodes } from '../../lab/nodes.ts'

/** A metric with its Graphite name, `NAME.field`. */
export interface Leaf {
  readonly path: string
  readonly metric: Known
}
/** An entry of `/metrics/find`: a node, or a metric if it is a leaf. */
export interface Branch {
  readonly text: string
  readonly path: string
  readonly leaf: boolean
}

/** The Graphite names of all metrics. Only nodes that match a pattern are asked for theirs. */
export interface Names {
  /** The matches of a pattern, nodes or metrics. */
  find(pattern: string): Promise<Branch[]>
  /** The metrics that match a pattern, in order. */
  leaves(pattern: string): Promise<Leaf[]>
}

export function graphiteNames(nodes: Nodes, catalog: Catalog): Names {
  const fitting = async (patterns: readonly string[], deep: boolean): Promise<[string, Known[]][]> => {
    const online = nodes.listed()
    const byName = new Map<string, Node>(online.map((node) => [node.name, node]))
    const plain = plainNames(byName.keys())
    const found = [...plain].filter(([name]) => patterns.some((pattern) => fits(pattern)(name)))
    return Promise.all(
      found.map(async ([name, original]): Promise<[string, Known[]]> => {
        const node = byName.get(original)
        return [name, deep && node ? await catalog.of(node) : []]
      }),
    )
  }

  const leaves = async (pattern: string): Promise<Leaf[]> => {
    const wanted = Map.groupBy(
      braces(pattern)
        .map((text) => text.split('.'))
        .filter((parts) => parts.length === 2),
      ([first]) => first ?? '',
    )
    const found = await fitting([...wanted.keys()], true)
    const isDouble = shownLive(nodes)
    return found.flatMap(([name, known]) => {
      const fields = [...wanted]
        .filter(([first]) => fits(first)(name))
        .flatMap(([, list]) => list.map(([, second]) => second ?? ''))
      const exact = new Set(fields.filter((field) => !isWild(field)))
      const tests = fields.filter(isWild).map(glob)
      // Texts are not drawn: Graphite's curves hold only numbers.
      const drawn = new Map(
        known.filter(({ about }) => about.type !== 'string').map((one) => [one.field, one]),
      )
      return [...plainNames(drawn.keys())].flatMap(([field, original]) => {
        const metric = drawn.get(original)
        if (!metric) return []
        // A field of a live node goes by that node's name; the archive's own name is only for explicit
        // requests.
        const node = nodes.find(metric.node)
        const fit =
          exact.has(field) || (tests.some((test) => test(field)) && !(node && isDouble(node, metric.about)))
        return fit ? [{ path: `${name}.${field}`, metric }] : []
      })
    })
  }

  return {
    leaves,
    async find(pattern) {
      const first = braces(pattern).filter((text) => !text.includes('.'))
      const isDouble = shownLive(nodes)
      const own = async (name: string) => {
        const node = nodes.find(plainNames(nodes.listed().map((one) => one.name)).get(name) ?? name)
        if (!node?.archive || first.includes(name)) return true
        return (await catalog.of(node)).some(({ about }) => !isDouble(node, about))
      }
      const names = (await fitting(first, false)).map(([name]) => name)
      const shown = await Promise.all(names.map(own))
      const branches = names
        .filter((_, i) => shown[i])
        .map((name) => ({ text: name, path: name, leaf: false }))
      const ends = await leaves(pattern)
      return [
        ...branches,
        ...ends.map(({ path }) => ({ text: path.slice(path.indexOf('.') + 1), path, leaf: true })),
      ]
    },
  }
}

function fits(pattern: string): (name: string) => boolean {
  return isWild(pattern) ? glob(pattern) : (name) => name === pattern
}
