import { instanceAt } from '../../core/channels.ts'
import { shownIn } from '../../core/shown-value.ts'
import { shownLive } from '../../lab/catalog.ts'
import type { Node, Nodes } from '../../lab/nodes.ts'
import type { NodeView } from '../page/shape.ts'

/** The live data nodes with everything they serve now; archives with the fields that no other node shows. */
export function fieldList(nodes: Nodes, root: string): Promise<NodeView[]> {
  const isDouble = shownLive(nodes)
  return Promise.all(nodes.online().map((node) => nodeView(nodes, root, node, isDouble)))
}

async function nodeView(
  nodes: Nodes,
  root: string,
  node: Node,
  isDouble: ReturnType<typeof shownLive>,
): Promise<NodeView> {
  const { fields = {}, timelines = {} } = (await nodes.fields(node)) ?? {}
  const own = Object.entries(fields).filter(([, about]) => !isDouble(node, about))
  const list = own.map(([field, about]) => ({
    metric: `${node.name}::${field}`,
    field,
    type: about.type,
    instance: readerOf(root, about.source ?? ''),
    ...shownIn({ units: about.units, resolution: about.resolution ?? null }),
    description: about.description,
    rhythm: about.rhythm ?? null,
    bits: about.bits ?? null,
    interval: timelines[about.timeline]?.interval ?? null,
  }))
  const { name, description, archive = false } = node
  return { name, description, archive, fields: list }
}

/**
 * Identifies a list: by names and declarations, without the measured interval between samples, which always
 * varies.
 */
export function signature(list: readonly NodeView[]): string {
  return JSON.stringify(
    list.map(({ name, fields }) => [
      name,
      fields.map(({ field, instance, units, factor, resolution, rhythm, bits }) => {
        return [field, instance, units, factor, resolution, rhythm, bits]
      }),
    ]),
  )
}

/** The agent that reads a field, `SITE/instance` for another site; null if there is none. */
function readerOf(root: string, source: string): string | null {
  const [, site = '', own = ''] = /^(?:([^./]+\/))?(.*)$/s.exec(source) ?? []
  const instance = instanceAt(site === '' ? root : (own.split('.', 1)[0] ?? ''), own)
  return instance === undefined ? null : `${site}${instance}`
}
