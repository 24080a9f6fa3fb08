import { meant, nameFinder } from '../core/names.ts'
import type { Catalog } from './catalog.ts'
import type { Nodes } from './nodes.ts'
import type { Metric } from './targets.ts'

/** Characters of a name that are told, at most. */
const TOLD = 100

/** Why a metric draws nothing. */
export interface Missing {
  /** As a sentence: what was meant, or what has gone. */
  readonly why: string
  /** Whether there is no such metric; not while nobody knows, or its data node does not run. */
  readonly isUnknown: boolean
}

/** Why nothing came of a metric; undefined for a variable without a value. */
export async function whyMissing(
  { text, node: name, field }: Metric,
  { nodes, catalog }: { readonly nodes: Nodes; readonly catalog: Catalog },
): Promise<Missing | undefined> {
  const told = text.slice(0, TOLD)
  const away = (why: string): Missing => ({ why: `"${told}": ${why}`, isUnknown: false })
  const lost = nodes.away(name)
  if (lost !== undefined) return away(lost)
  if (nameFinder(nodes.gone().map((gone) => [gone, gone]))(name)) return away('its data node does not run')
  const node = nodes.find(name)
  if (node && field === '') return undefined
  if (node && !nodes.answers(node)) return away('its data node does not answer')
  if (node && (await catalog.of(node)).length === 0) return away('its data node has no such field')
  const known = (await catalog.all()).map((metric) => metric.text)
  // A node that has just begun was asked before it had the field.
  if (known.includes(text)) return away('its data node has no data of it yet')
  const form = text.includes('::') ? '' : ': a metric is NODE::field'
  return { why: `there is no metric "${told}"${form}${meant(text, known)}`, isUnknown: true }
}
