import { shownLive } from '../../lab/catalog.ts'
import type { Node, Nodes } from '../../lab/nodes.ts'
import type { NodeView } from '../page/shape.ts'

/** The data nodes that live with all that they serve, as they say now; archives with what no other node shows. */
export function fieldList(nodes: Nodes): Promise<NodeView[]> {
  const isDouble = shownLive(nodes)
  return Promise.all(nodes.online().map((node) => nodeView(nodes, node, isDouble)))
}

async function nodeView(nodes: Nodes, node: Node, isDouble: ReturnType<typeof shownLive>): Promise<NodeView> {
  const { fields = {}, timelines = {} } = (await nodes.fields(node)) ?? {}
  const own = Object.entries(fields).filter(([, about]) => !isDouble(node, about))
  const list = own.map(([field, { type, units, description, timeline, resolution, rhythm, bits }]) => ({
    metric: `${node.name}::${field}`,
    field,
    type,
    units,
    description,
    resolution: resolution ?? null,
    rhythm: rhythm ?? null,
    bits: bits ?? null,
    interval: timelines[timeline]?.interval ?? null,
  }))
  const { name, description, archive = false } = node
  return { name, description, archive, fields: list }
}

/** What tells one list from another: names and what is declared of them, not the time between samples, which is never quite the same. */
export function signature(list: readonly NodeView[]): string {
  return JSON.stringify(
    list.map(({ name, fields }) => [
      name,
      fields.map(({ field, units, resolution, rhythm, bits }) => [field, units, resolution, rhythm, bits]),
    ]),
  )
}
