import type { FieldEntry } from '../core/data-node.ts'
import type { Node, Nodes } from './nodes.ts'
import type { Metric } from './targets.ts'

/** Milliseconds that a list is good for: the variables and panels of a dashboard ask for it several times at once. */
const LIST_MS = 1000

/** A metric that a data node says it has. */
export interface Known extends Metric {
  readonly about: FieldEntry
}
/** What there is to draw, always from the data nodes' own answers. */
export interface Catalog {
  /** The metrics of one node; none when it does not answer. */
  of(node: Node): Promise<Known[]>
  /** The metrics of all nodes, in order of the nodes' names. */
  all(): Promise<Known[]>
}

export function catalogOf(nodes: Nodes): Catalog {
  const memo = new Map<string, { readonly at: number; readonly list: Promise<Known[]> }>()
  const of = (node: Node): Promise<Known[]> => {
    const found = memo.get(node.instance)
    if (found && performance.now() - found.at < LIST_MS) return found.list
    const list = nodes.fields(node).then((answer) =>
      Object.entries(answer?.fields ?? {}).map(([field, about]) => {
        return { text: `${node.name}::${field}`, node: node.name, field, about }
      }),
    )
    memo.set(node.instance, { at: performance.now(), list })
    return list
  }
  return { of, all: async () => (await Promise.all(nodes.online().map(of))).flat() }
}
