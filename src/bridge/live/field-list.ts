import type { Node, Nodes } from '../../lab/nodes.ts'
import type { NodeView } from '../page/shape.ts'

/** The data nodes that live with all that they serve, as they say now. */
export function fieldList(nodes: Nodes): Promise<NodeView[]> {
  return Promise.all(nodes.online().map((node) => nodeView(nodes, node)))
}

async function nodeView(nodes: Nodes, node: Node): Promise<NodeView> {
  const { fields = {}, timelines = {} } = (await nodes.fields(node)) ?? {}
  const list = Object.entries(fields).map(
    ([field, { type, units, description, timeline, resolution, rhythm }]) => ({
      metric: `${node.name}::${field}`,
      field,
      type,
      units,
      description,
      resolution: resolution ?? null,
      rhythm: rhythm ?? null,
      interval: timelines[timeline]?.interval ?? null,
    }),
  )
  const { name, description, archive = false } = node
  return { name, description, archive, fields: list }
}

/** What tells one list from another: names and what is declared of them, not the time between samples, which is never quite the same. */
export function signature(list: readonly NodeView[]): string {
  return JSON.stringify(
    list.map(({ name, fields }) => [
      name,
      fields.map(({ field, units, resolution, rhythm }) => [field, units, resolution, rhythm]),
    ]),
  )
}
