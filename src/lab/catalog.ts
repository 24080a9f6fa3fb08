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
  /** The metrics of all nodes, in order of the nodes' names; of an archive what no other node shows. */
  all(): Promise<Known[]>
}

/** Tells what of an archive is also shown by the node that serves it live. */
export function shownLive(nodes: Nodes): (node: Node, about: FieldEntry) => boolean {
  const sources = nodes.listed().flatMap(({ live }) => (live ? [`${live.source}.`] : []))
  return ({ archive = false }, { source = '' }) =>
    archive && sources.some((start) => source.startsWith(start))
}

export function catalogOf(nodes: Nodes): Catalog {
  const memo = new Map<string, { readonly at: number; readonly list: Promise<Known[]> }>()
  const served = async (node: Node): Promise<Known[]> => {
    const answer = await nodes.fields(node)
    return Object.entries(answer?.fields ?? {}).map(([field, about]) => known(node, field, about))
  }
  /** What archives have of a node that does not live, under its name. */
  const recorded = async (node: Node): Promise<Known[]> => {
    const start = `${node.live?.source}.`
    const archived = (await Promise.all(nodes.archives().map(of))).flat()
    const fields = new Map(
      archived.flatMap(({ about }) =>
        about.source?.startsWith(start) ? [[about.source.slice(start.length), about] as const] : [],
      ),
    )
    return [...fields].map(([field, about]) => known(node, field, about))
  }
  const of = (node: Node): Promise<Known[]> => {
    const found = memo.get(key(node))
    if (found && performance.now() - found.at < LIST_MS) return found.list
    const list = node.away ? recorded(node) : served(node)
    memo.set(key(node), { at: performance.now(), list })
    // One that begins has some in a moment.
    void list.then((fields) => fields.length === 0 && memo.delete(key(node))).catch(() => {})
    return list
  }
  const all = async () => {
    const isDouble = shownLive(nodes)
    const own = async (node: Node) => (await of(node)).filter(({ about }) => !isDouble(node, about))
    return (await Promise.all(nodes.listed().map(own))).flat()
  }
  return { of, all }
}

/** A node that comes back has other things to say. */
function key({ instance, away = false }: Node): string {
  return `${instance} ${away}`
}

function known({ name }: Node, field: string, about: FieldEntry): Known {
  return { text: `${name}::${field}`, node: name, field, about }
}

/**
 * The metrics that can be drawn of what goes by a name, a data node's or an agent's: of the node that serves them live,
 * where there is one, since an archive has the same under longer names.
 */
export function metricsNamed(all: readonly Known[], name: string, nodes: Nodes, root: string): Known[] {
  const archives = new Set(nodes.archives().map((node) => node.name))
  const found = all.filter(
    ({ node, about: { source, type } }) =>
      type !== 'string' &&
      (node.toLowerCase() === name.toLowerCase() || source?.startsWith(`${root}.${name}.feeds.`)),
  )
  const live = found.filter(({ node }) => !archives.has(node))
  const [first] = live.length > 0 ? live : found
  return found.filter(({ node }) => node === first?.node)
}
