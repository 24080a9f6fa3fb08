import { z } from 'zod'
import type { Catalog } from '../lab/catalog.ts'
import type { LabView } from '../lab/lab-view.ts'
import type { Nodes } from '../lab/nodes.ts'

/** Names of the two drop-downs of the target `field`. */
const DROP_DOWNS = ['node', 'field'] as const

const Payload = z.record(z.string(), z.unknown()).catch({})
/** The body of `/metrics`. */
export const MetricsBody = z.object({})
/** The body of `/metric-payload-options`: a drop-down of a target, and the values of the others. */
export const OptionsBody = z.object({
  metric: z.string().optional().catch(undefined),
  name: z.string().optional().catch(undefined),
  payload: Payload.optional(),
})
/** The body of `/variable`: `{"target": "agents"}` as payload, or only the text. */
export const VariableBody = z.object({ payload: z.unknown().optional() })

interface Choice {
  readonly label: string
  readonly value: string
}
interface Parts {
  readonly nodes: Nodes
  readonly catalog: Catalog
  readonly lab: LabView
  search(text: string | undefined): Promise<string[]>
}

/** The requests of simPod's JSON data source beyond SimpleJson: its editor's lists and its variables. */
export function simpod({ nodes, catalog, lab, search }: Parts): {
  /** Targets to choose from, starting with the builder of two drop-downs and the tables. */
  metrics(): Promise<object[]>
  /** The choices of a drop-down. */
  options(body: z.output<typeof OptionsBody>): Promise<Choice[]>
  /** The values of a variable. */
  variable(body: z.output<typeof VariableBody>): Promise<object[]>
} {
  const nodeNames = () => nodes.listed().map(({ name }) => name)
  const fieldsOf = async (given: unknown): Promise<string[]> => {
    const wanted =
      typeof given === 'string' && given !== '' ? [given] : Array.isArray(given) ? given : undefined
    const known = (await catalog.all()).filter(({ node }) => wanted?.includes(node) ?? true)
    return [...new Set(known.map(({ field }) => field))]
  }
  const choices = (texts: readonly string[]): Choice[] => texts.map((text) => ({ label: text, value: text }))

  return {
    async metrics() {
      const payloads = [
        { name: DROP_DOWNS[0], label: 'Agent', type: 'select', reloadMetric: true },
        { name: DROP_DOWNS[1], label: 'Field', type: 'multi-select' },
      ]
      const filter = [
        { name: 'filter', label: 'Filter', type: 'input', placeholder: 'agent, operation or word' },
      ]
      return [
        { label: 'Agent → field', value: 'field', payloads },
        { label: 'Events and sessions', value: 'events', payloads: filter },
        { label: 'States of operations', value: 'states', payloads: filter },
        ...choices(await search(undefined)).map((choice) => ({ ...choice, payloads: [] })),
      ]
    },
    async options({ metric, name, payload = {} }) {
      if (metric !== 'field') return []
      if (name === DROP_DOWNS[0]) return choices(nodeNames())
      return name === DROP_DOWNS[1] ? choices(await fieldsOf(payload['node'])) : []
    },
    async variable({ payload }) {
      const { target, ...rest } = Payload.parse(typeof payload === 'string' ? { target: payload } : payload)
      const values = async (): Promise<string[]> => {
        if (target === 'agents' || target === 'nodes') return nodeNames()
        if (target === 'instances') return [...lab.instances.keys()].sort()
        if (target === 'fields') return fieldsOf(rest['node'] ?? rest['agent'])
        return search(typeof target === 'string' && target !== 'metrics' ? target.slice(0, 4096) : undefined)
      }
      return (await values()).map((text) => ({ __text: text, __value: text }))
    },
  }
}
