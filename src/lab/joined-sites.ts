import type { Bus } from '../bus/bus.ts'
import type { DataAnswer, FieldEntry } from '../core/data-node.ts'
import { type InstanceView, type LabView, viewLab } from './lab-view.ts'
import { findNodes, type Node, type Nodes } from './nodes.ts'

/** Another site as it is looked at. */
export interface SiteLook extends AsyncDisposable {
  readonly name: string
  readonly lab: LabView
  readonly nodes: Nodes
  /** Why nothing is known of it just now, with since when; undefined while its hub is reached. */
  away(): string | undefined
}

/**
 * Looks at another site by its hub, which may be away.
 * @param isBack is called each time that it is there again
 */
export async function openSite(
  { name, bus, root }: { readonly name: string; readonly bus: Bus; readonly root: string },
  log: (text: string) => void,
  isBack: () => void,
): Promise<SiteLook> {
  const lab = await viewLab(bus, root)
  const nodes = await findNodes({ bus, root, lab }, (text) => log(`site ${name}: ${text}`))
  /** Unix s; undefined until it was there once. */
  let lost: number | undefined
  let was: boolean | undefined
  const watch = bus.onConnected((connected) => {
    if (connected && was === false && lost !== undefined) isBack()
    if (!connected && was) lost = Date.now() / 1000
    was = connected || was === undefined ? connected : false
  })
  return {
    name,
    lab,
    nodes,
    away() {
      if (bus.connected) return undefined
      const since = lost === undefined ? '' : ` since ${new Date(lost * 1000).toISOString().slice(0, 19)}Z`
      return `the link to the site ${name} is down${since}`
    },
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]()
      await nodes[Symbol.asyncDispose]()
      await lab[Symbol.asyncDispose]()
    },
  }
}

/** The agents of a lab and, as `SITE/instance`, those of others. What is disposed is all of them. */
export function joinLabs(own: LabView, sites: readonly SiteLook[]): LabView {
  if (sites.length === 0) return own
  const viewIn = ({ away }: SiteLook, view: InstanceView): InstanceView => {
    const why = away()
    return why === undefined ? view : { ...view, away: why }
  }
  return {
    get instances() {
      const others = sites.flatMap((site) =>
        [...site.lab.instances].map(([name, view]) => [`${site.name}/${name}`, viewIn(site, view)] as const),
      )
      return new Map([...own.instances, ...others])
    },
    of(instance) {
      const [site, name] = splitName(sites, instance)
      const view = site ? site.lab.of(name) : own.of(instance)
      return site && view ? viewIn(site, view) : view
    },
    // A link that is down is waited for by nobody.
    settled: () => own.settled(),
    onChange(listener) {
      const watches = [
        own.onChange(listener),
        ...sites.map(({ name, lab }) => lab.onChange((instance) => listener(`${name}/${instance}`))),
      ]
      return {
        [Symbol.dispose]() {
          for (const watch of watches) watch[Symbol.dispose]()
        },
      }
    },
    [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
  }
}

/** The data nodes of a lab and, as `SITE/NAME`, those of others: each is asked on its own hub. What is disposed is all of them. */
export function joinNodes(own: Nodes, sites: readonly SiteLook[]): Nodes {
  if (sites.length === 0) return own
  const all = (of: (nodes: Nodes) => Node[]) => [
    ...of(own),
    ...sites.flatMap(({ name, nodes }) => of(nodes).map((node) => nodeIn(name, node))),
  ]
  const where = (name: string) => splitName(sites, name)
  /** A node as its own hub knows it. */
  const home = (node: Node): { site?: SiteLook; nodes: Nodes; node: Node } => {
    const [site, name] = where(node.name)
    if (!site) return { nodes: own, node }
    return { site, nodes: site.nodes, node: { ...node, name, instance: where(node.instance)[1] } }
  }
  return {
    away(name) {
      const [site] = where(name)
      return site ? site.away() : own.away(name)
    },
    online: () => all((nodes) => nodes.online()),
    archives: () => all((nodes) => nodes.archives()),
    listed: () => all((nodes) => nodes.listed()),
    find(text) {
      const [site, name] = where(text)
      const found = site ? site.nodes.find(name) : own.find(text)
      return site && found ? nodeIn(site.name, found) : found
    },
    gone: () => [
      ...own.gone(),
      ...sites.flatMap(({ name, nodes }) => nodes.gone().map((one) => `${name}/${one}`)),
    ],
    answers(node) {
      const at = home(node)
      return at.nodes.answers(at.node)
    },
    async fields(node) {
      const { site, nodes, node: there } = home(node)
      const answer = await nodes.fields(there)
      return site && answer ? { ...answer, fields: fieldsIn(site.name, answer.fields) } : answer
    },
    async data(node, request) {
      const { site, nodes, node: there } = home(node)
      // An archive is asked by where a field is recorded, and of that only its own site knows: elsewhere the same may be another's.
      const fields = !node.archive
        ? request.fields
        : request.fields.flatMap((field) => {
            const [of, source] = where(field)
            if (of === undefined) return site && SOURCE.test(field) ? [] : [field]
            return of === site ? [source] : []
          })
      const answer = await nodes.data(there, { ...request, fields })
      return site && answer ? answerIn(site.name, answer, new Set(request.fields)) : answer
    },
    async [Symbol.asyncDispose]() {
      for (const part of [own, ...sites]) await part[Symbol.asyncDispose]()
    },
  }
}

/** Where a field is recorded, in a lab that nobody has named: `observatory.ls240.feeds.temperatures.Channel_1_T`. */
const SOURCE = /^[^./]+\.[^./]+\.feeds\./

/** A name with its site in front; undefined for one of this lab's own. */
function splitName(sites: readonly SiteLook[], text: string): [site: SiteLook | undefined, name: string] {
  const at = text.indexOf('/')
  const site = at < 0 ? undefined : sites.find(({ name }) => name === text.slice(0, at))
  return [site, site ? text.slice(at + 1) : text]
}

function nodeIn(site: string, node: Node): Node {
  const { name, instance, live } = node
  return {
    ...node,
    name: `${site}/${name}`,
    instance: `${site}/${instance}`,
    ...(live && { live: { ...live, source: `${site}/${live.source}` } }),
  }
}

function fieldsIn(site: string, fields: Readonly<Record<string, FieldEntry>>): Record<string, FieldEntry> {
  const inSite = (about: FieldEntry) =>
    about.source === undefined ? about : { ...about, source: `${site}/${about.source}` }
  return Object.fromEntries(Object.entries(fields).map(([field, about]) => [field, inSite(about)]))
}

/** An answer under the names that were asked for. */
function answerIn(site: string, answer: DataAnswer, asked: ReadonlySet<string>): DataAnswer {
  const named = <T>(of: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(
      Object.entries(of).map(([field, it]) => {
        const inSite = `${site}/${field}`
        return [asked.has(inSite) ? inSite : field, it]
      }),
    )
  return { ...answer, data: named(answer.data), fields: named(fieldsIn(site, answer.fields)) }
}
