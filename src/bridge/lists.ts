import { opCodeOf, toldOf } from '../core/ops.ts'
import { plainNames } from '../grafana/plain-names.ts'
import type { Catalog, Known } from '../lab/catalog.ts'
import { ask, milliseconds, numeric } from '../lab/fetch-curves.ts'
import type { InstanceView, LabView } from '../lab/lab-view.ts'
import type { Nodes } from '../lab/nodes.ts'

/** Milliseconds after which a value is no longer current: as long as Prometheus looks back. */
const FRESH_MS = 300_000

/**
 * The metrics as `GET /api/metrics` lists them, each with its Graphite name (none for texts) and its field
 * (`observatory.ls240.feeds.temperatures.Channel_1_T`; none if its node does not tell).
 */
export function metricList(known: readonly Known[], all: Nodes): object[] {
  const live = new Map(all.listed().map((node) => [node.name, node.live?.source]))
  const nodes = inverse(plainNames(new Set(known.map(({ node }) => node))))
  const fields = new Map<string, Map<string, string>>()
  for (const [node, list] of Map.groupBy(
    known.filter(({ about }) => about.type !== 'string'),
    ({ node }) => node,
  )) {
    fields.set(node, inverse(plainNames(list.map(({ field }) => field))))
  }
  return known.map(({ text, node, field, about: { type, units, description, source } }) => {
    const plain = fields.get(node)?.get(field)
    const graphite = plain === undefined ? null : `${nodes.get(node)}.${plain}`
    const of = live.get(node)
    const from = source ?? (of === undefined ? null : `${of}.${field}`)
    return { metric: text, node, field, type, unit: units, description, graphite, source: from }
  })
}

function inverse(map: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...map].map(([key, value]) => [value, key]))
}

/** The agents and their operations as `GET /api/agents` lists them, times in unix ms. */
export function agentList(lab: LabView): object[] {
  return sorted(lab).map(([instance, { presence, api, sessions, state }]) => {
    const names = new Set([...Object.keys(api?.ops ?? {}), ...sessions.keys()])
    const ops = [...names].map((op) => {
      const session = sessions.get(op)
      return {
        op,
        kind: api?.ops[op]?.kind ?? null,
        status: session?.status ?? 'idle',
        degraded: session?.degraded ?? false,
        success: session?.success ?? null,
        session_id: session?.session_id ?? null,
        start_time: session ? milliseconds(session.start_time) : null,
        end_time: session?.end_time != null ? milliseconds(session.end_time) : null,
        message: toldOf(session) || null,
      }
    })
    return {
      instance,
      agent_class: presence?.agent_class ?? api?.agent_class ?? null,
      state,
      since: presence ? milliseconds(presence.since) : null,
      time: presence ? milliseconds(presence.time) : null,
      host: presence?.host ?? null,
      pid: presence?.pid ?? null,
      version: presence?.version ?? null,
      node: api?.node?.name ?? null,
      ops,
    }
  })
}

function sorted(lab: LabView): [string, InstanceView][] {
  return [...lab.instances].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
}

interface Parts {
  readonly nodes: Nodes
  readonly catalog: Catalog
  readonly lab: LabView
}

/** The last values, agents and operations for Prometheus (text format 0.0.4). A value older than 5 minutes is left out. */
export async function prometheus({ nodes, catalog, lab }: Parts): Promise<string> {
  const known = (await catalog.all()).filter(({ about }) => about.type !== 'string')
  const now = Date.now()
  const curves = await ask(nodes, known, { from: now - FRESH_MS, to: now + FRESH_MS, points: 1 })
  const values = known.flatMap((metric) => {
    const { node, field, about } = metric
    const curve = curves(metric)
    const time = curve?.t.at(-1)
    if (time === undefined) return []
    const value = numeric(curve?.values.at(-1)) ?? 'NaN'
    const labels = { node, field, unit: about.units ?? '' }
    return [`ocs_value${labelled(labels)} ${value} ${milliseconds(time)}`]
  })
  const agents = sorted(lab).map(([agent, { presence, state }]) => {
    return `ocs_agent_up${labelled({ agent, class: presence?.agent_class ?? '' })} ${state === 'online' ? 1 : 0}`
  })
  const ops = sorted(lab).flatMap(([agent, { sessions }]) =>
    [...sessions].map(([op, session]) => `ocs_operation_code${labelled({ agent, op })} ${opCodeOf(session)}`),
  )
  return [
    ...family('ocs_value', 'Last value of a field.', values),
    ...family('ocs_agent_up', '1 while an agent is online.', agents),
    ...family(
      'ocs_operation_code',
      'Op code of the last session: 3 running, 5 succeeded, 6 failed, 8 degraded.',
      ops,
    ),
  ]
    .map((line) => `${line}\n`)
    .join('')
}

function family(name: string, help: string, lines: readonly string[]): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...lines]
}

function labelled(labels: Readonly<Record<string, string>>): string {
  const escaped = (text: string) =>
    text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
  return `{${Object.entries(labels).map(([name, text]) => `${name}="${escaped(text)}"`)}}`
}
