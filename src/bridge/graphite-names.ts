import { createHash } from 'node:crypto'
import type { Catalog, Known } from './catalog.ts'
import { braces, glob, isWild } from './glob.ts'
import type { Node, Nodes } from './nodes.ts'

/** A metric under its Graphite name, `NAME.field`. */
export interface Leaf {
  readonly path: string
  readonly metric: Known
}
/** A line of `/metrics/find`: a node, or a metric when it is a leaf. */
export interface Branch {
  readonly text: string
  readonly path: string
  readonly leaf: boolean
}

/** The names of all metrics as Graphite spells them. Only nodes that a pattern fits are asked for theirs. */
export interface Names {
  /** What fits a pattern, a node or a metric. */
  find(pattern: string): Promise<Branch[]>
  /** The metrics that fit a pattern, in order. */
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
    return found.flatMap(([name, known]) => {
      const fields = [...wanted]
        .filter(([first]) => fits(first)(name))
        .flatMap(([, list]) => list.map(([, second]) => second ?? ''))
      const exact = new Set(fields.filter((field) => !isWild(field)))
      const tests = fields.filter(isWild).map(glob)
      // Texts are not drawn: Graphite's curves hold numbers only.
      const drawn = new Map(
        known.filter(({ about }) => about.type !== 'string').map((one) => [one.field, one]),
      )
      return [...plainNames(drawn.keys())].flatMap(([field, original]) => {
        const metric = drawn.get(original)
        const fit = exact.has(field) || tests.some((test) => test(field))
        return metric && fit ? [{ path: `${name}.${field}`, metric }] : []
      })
    })
  }

  return {
    leaves,
    async find(pattern) {
      const first = braces(pattern).filter((text) => !text.includes('.'))
      const branches = (await fitting(first, false)).map(([name]) => ({
        text: name,
        path: name,
        leaf: false,
      }))
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

/**
 * Names in which only letters, digits and `_` are left, and what each stands for. Of several that would become one, a
 * name that is plain already keeps it, else the first in order does; the others end in four hexadecimal digits of their
 * own, which depend on nothing but the name.
 */
export function plainNames(originals: Iterable<string>): Map<string, string> {
  const result = new Map<string, string>()
  const same = Map.groupBy(originals, plain)
  const later: string[] = []
  for (const [name, list] of same) {
    const [first, ...others] = list.includes(name)
      ? [name, ...list.filter((other) => other !== name).sort()]
      : list.sort()
    result.set(name, first ?? name)
    later.push(...others)
  }
  for (const original of later) {
    const digest = createHash('sha256').update(original).digest('hex')
    let digits = 4
    while (result.has(`${plain(original)}_${digest.slice(0, digits)}`)) digits++
    result.set(`${plain(original)}_${digest.slice(0, digits)}`, original)
  }
  return result
}

function plain(name: string): string {
  return name.replaceAll(/\W/g, '_')
}
