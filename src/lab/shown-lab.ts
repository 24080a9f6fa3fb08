import { connectMqtt, type MqttOptions, reached } from '../bus/mqtt.ts'
import type { Agent } from '../core/agent.ts'
import { type AgentApi, type FieldInfo, feedAddress, instanceAt } from '../core/channels.ts'
import { ConfigError, messageOf } from '../core/errors.ts'
import type { Blocks } from '../core/feed-spec.ts'
import type { Shown, ShownField } from '../core/shown-node.ts'
import { catalogOf, type Known } from './catalog.ts'
import { viewLab } from './lab-view.ts'
import { findNodes } from './nodes.ts'

/** Seconds the hub has to answer. */
const HUB_SECONDS = 5

/** An instance of a site file with the declaration of its class, where there is one here. */
export interface DeclaredInstance {
  readonly instance: { readonly instance_id: string }
  readonly agent: Agent | undefined
  /** Its checked arguments. */
  readonly values: Readonly<Record<string, unknown>> | undefined
}
/** Where what is shown comes from. */
export interface ShownFrom {
  readonly url: string
  readonly credentials?: MqttOptions['credentials']
  readonly root: string
  /** Whether a hub answers there; else the site file and the classes alone say what there is. */
  readonly hubAnswers: boolean
  /** The instances of the site file; undefined without one. */
  readonly instances: readonly DeclaredInstance[] | undefined
  /** The declaration of a class, for an agent that runs and is not in the site file. */
  declaration(agentClass: string): Promise<Agent | undefined>
  log(text: string): void
}

/**
 * What there is to show: the data nodes of the site file and those that run, with the fields that they have, that their
 * agents declare, or that agents of their class usually have. An agent without a data node is shown as the one it needs.
 * @throws ConfigError when there is neither site file nor hub
 */
export async function shownLab(from: ShownFrom): Promise<Shown[]> {
  const { url, hubAnswers, instances, log } = from
  const running = hubAnswers ? await runningNodes(from) : undefined
  if (!running && !instances) {
    throw new ConfigError(
      `no hub answers at ${url}, and there is no site file: pass --site-file=FILE, or start the hub (ocs hub)`,
    )
  }
  if (!running)
    log(`no hub answers at ${url}: dashboards show only what the site file and the classes declare`)
  const written = instances ? writtenNodes(instances, log) : []
  const byName = new Map(written.map((node) => [node.name, node]))
  for (const node of running ?? []) byName.set(node.name, known(byName.get(node.name), node))
  // One of another name serves the same agent: the file's was a guess.
  const served = new Set((running ?? []).map(({ instance }) => instance))
  const names = new Set((running ?? []).map(({ name }) => name))
  const lab = [...byName.values()].filter(({ name, instance }) => {
    return names.has(name) || instance === undefined || !served.has(instance)
  })
  if (lab.length === 0) {
    throw new ConfigError(
      `nothing to show: neither the site file nor ${url} has a data node (ocs datanode --help)`,
    )
  }
  return lab.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
}

/** What runs is right where the file says something else; what it has not got yet, the file may know. */
function known(written: Shown | undefined, running: Shown): Shown {
  const fields = (running.fields?.length ?? 0) > 0 ? running.fields : written?.fields
  return { ...written, ...running, fields }
}

/** The data nodes on a hub, but archives: their fields are those of the others. */
async function runningNodes({ url, credentials, root, instances, declaration }: ShownFrom): Promise<Shown[]> {
  await using bus = connectMqtt({ url, credentials, client: `grafana-${crypto.randomUUID().slice(0, 8)}` })
  await reached(bus, url, HUB_SECONDS)
  await using lab = await viewLab(bus, root)
  await using nodes = await findNodes({ bus, root, lab }, () => {})
  await lab.settled()
  const catalog = catalogOf(nodes)
  const shown = nodes.listed().filter(({ archive }) => !archive)
  return await Promise.all(
    shown.map(async (node): Promise<Shown> => {
      const instance = node.live && instanceAt(root, node.live.source)
      const api = instance === undefined ? undefined : lab.instances.get(instance)?.api
      const drawn = (await catalog.of(node))
        .filter(({ about }) => about.type !== 'string')
        .map((metric) => withDeclared(metric, api, root, instance))
      // A scanner's channel that has not been visited yet has nothing to draw, but will have; what is said of a setting that
      // nobody makes has no rhythm.
      const announcedOf = node.live ? announced(api, root, node.live.source) : []
      const declared = announcedOf.filter(({ rhythm }) => rhythm !== undefined)
      const fields = [...new Map([...declared, ...drawn].map((field) => [field.name, field])).values()]
      const { name, description } = node
      const written = instances?.find((one) => one.instance.instance_id === instance)?.agent
      const agent = written ?? (api && (await declaration(api.agent_class)))
      return { name, description, instance, dashboard: agent?.spec.dashboard, fields: inOrder(fields) }
    }),
  )
}

/** The fields with numbers that an agent declares in the one feed that a data node serves. */
function announced(api: AgentApi | undefined, root: string, source: string): ShownField[] {
  const instance = instanceAt(root, source)
  const found = Object.entries(api?.feeds ?? {}).find(
    ([feed]) => feedAddress(root, instance ?? '', feed) === source,
  )
  if (!found) return []
  const [feed, { blocks }] = found
  return Object.values(blocks).flatMap((block) =>
    Object.entries(block)
      .filter(([, { type }]) => type !== 'string')
      .map(([name, info]) => shownField(name, feed, info)),
  )
}

function withDeclared(
  { field, about }: Known,
  api: AgentApi | undefined,
  root: string,
  instance: string | undefined,
): ShownField {
  const { units, description, source, resolution, rhythm, bits } = about
  for (const [feed, { blocks }] of Object.entries(api?.feeds ?? {})) {
    const address = `${feedAddress(root, instance ?? '', feed)}.`
    if (!source?.startsWith(address)) continue
    const own = source.slice(address.length)
    const declared = Object.values(blocks).find((block) => Object.hasOwn(block, own))?.[own]
    const shown = shownField(field, feed, declared)
    return { ...shown, units: units ?? shown.units, description: description ?? shown.description }
  }
  return { name: field, units, description: description ?? undefined, feed: '', resolution, rhythm, bits }
}

/** The data nodes of a site file, and for each agent without one the one it needs, by the name of its instrument. */
function writtenNodes(instances: readonly DeclaredInstance[], log: (text: string) => void): Shown[] {
  const agents = new Map(instances.map((one) => [one.instance.instance_id, one]))
  const shown: Shown[] = []
  const served = new Set<string>()
  for (const one of agents.values()) {
    const node = asked(one, ({ serves }, values) => serves?.(values), log)
    if (!node) continue
    const { name, description, target, feed } = node
    if (target !== undefined) served.add(target)
    const of = agents.get(target ?? '')?.agent
    const fields = target === undefined ? undefined : declaredFields(of, feed)
    shown.push({ name, description, instance: target, dashboard: of?.spec.dashboard, fields })
  }
  for (const one of agents.values()) {
    const { instance, agent } = one
    const id = instance.instance_id
    const feeds = Object.keys(agent?.spec.feeds ?? {}).filter((name) => agent?.spec.feeds[name]?.record)
    const feed = feeds.includes('temperatures') ? 'temperatures' : feeds[0]
    if (!agent || served.has(id) || feed === undefined) continue
    const name = asked(one, ({ label }, values) => label?.(values), log) ?? id
    const command = `ocs datanode thermometry --target=${id} --name=${name}`
    const more = feed === 'temperatures' ? '' : ` --feed=${feed}`
    log(`${id} has no data node in the site file: ${name} is shown, which this serves: ${command}${more}`)
    const { dashboard, help: description } = agent.spec
    shown.push({ name, description, instance: id, dashboard, fields: declaredFields(agent, feed) })
  }
  return shown
}

/** What a declaration says of its arguments; undefined, and told, when one of a lab's own throws instead. */
function asked<T>(
  { instance, agent, values }: DeclaredInstance,
  ask: (spec: Agent['spec'], values: Readonly<Record<string, unknown>>) => T | undefined,
  log: (text: string) => void,
): T | undefined {
  try {
    return agent && values && ask(agent.spec, values)
  } catch (error) {
    log(`${instance.instance_id}: ${messageOf(error)}`)
    return undefined
  }
}

/** The fields with numbers of a class's feed, or of all it records; undefined when it has no such feed. */
function declaredFields(agent: Agent | undefined, feed: string | undefined): ShownField[] | undefined {
  const feeds = Object.entries(agent?.spec.feeds ?? {}).filter(
    ([name, { record }]) => record && (feed === undefined || name === feed),
  )
  if (feeds.length === 0) return undefined
  const fields = feeds.flatMap(([name, { blocks, typical }]) => {
    const declared: Blocks = typeof blocks === 'function' ? (typical ?? {}) : blocks
    return Object.values(declared).flatMap((block) =>
      Object.entries(block)
        .filter(([, { type }]) => type !== 'string')
        .map(([field, info]) => shownField(field, name, info)),
    )
  })
  return inOrder(fields)
}

/** A field as its agent declares it. */
function shownField(name: string, feed: string, info: Partial<FieldInfo> = {}): ShownField {
  const { units, description, range, resolution, rhythm, bits } = info
  return { name, feed, units: units || null, description, range, resolution, rhythm, bits }
}

/** Those with a unit first, kelvin before all; channels by their numbers, not as a scanner came by. */
function inOrder(fields: readonly ShownField[]): ShownField[] {
  const rank = ({ units }: ShownField) => (units === 'K' ? 0 : units === null ? 2 : 1)
  return fields.toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, 'en', { numeric: true }))
}
