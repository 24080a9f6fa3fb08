import type { z } from 'zod'
import type { Bus } from '../bus/bus.ts'
import { channels } from '../core/channels.ts'
import { DataAnswer, type DataRequest, FieldsAnswer } from '../core/data-node.ts'
import { messageOf } from '../core/errors.ts'
import { nameFinder } from '../core/names.ts'
import { caller } from './request-client.ts'

/** Seconds a data node has to answer: a panel waits no longer for a slow one. */
const ANSWER = 2
/** Milliseconds without a beat after which an agent counts as lost. */
const LOST_MS = 15_000

/** A data node as its own announcements show it. */
export interface Node {
  readonly instance: string
  readonly name: string
  readonly description: string
  /** Serves recorded files. */
  readonly archive?: boolean | undefined
  /** Of one that keeps but the newest: where its data is recorded, and how many seconds of it are kept. */
  readonly live?: { readonly source: string; readonly keeps: number } | undefined
  /** It does not live, but an archive does that may have its past. */
  readonly away?: boolean
}
/** The data nodes on a bus. Nothing of what they serve is remembered: that is asked each time. */
export interface Nodes extends AsyncDisposable {
  /** Those that live, in order of name; of two that go by one name the older. */
  online(): Node[]
  /** Those that live and serve recorded files. */
  archives(): Node[]
  /** Those that live and, while there are archives, those that do not and whose data is recorded, in order of name. */
  listed(): Node[]
  /** The listed node of a name: the exact one, else without regard to case. */
  find(name: string): Node | undefined
  /** What a node serves; undefined when it does not answer in time. */
  fields(node: Node): Promise<FieldsAnswer | undefined>
  /** Data of a node; undefined when it does not answer in time. */
  data(node: Node, request: DataRequest): Promise<DataAnswer | undefined>
}

interface Known {
  node: Node | undefined
  session: string
  since: number
  online: boolean
  /** When it was last heard of, on the monotonic clock. */
  heard: number
}

/** Finds the data nodes on a bus by their retained `presence` and `api`, and asks them. */
export async function findNodes(bus: Bus, root: string, log: (text: string) => void): Promise<Nodes> {
  const known = new Map<string, Known>()
  const failing = new Set<string>()
  const twins = new Set<string>()
  const asking = await caller(bus, root)

  const of = (instance: string): Known => {
    const found = known.get(instance)
    if (found) return found
    const fresh: Known = { node: undefined, session: '', since: 0, online: false, heard: -Infinity }
    known.set(instance, fresh)
    return fresh
  }
  const presence = await bus.subscribe(channels.presence, { root }, (said, { instance }) => {
    const agent = of(instance)
    const online = said.state === 'online'
    // The will of an older process says nothing about the one that runs now.
    if (!online && agent.online && said.session !== agent.session) return
    Object.assign(agent, { session: said.session, since: said.since, online, heard: performance.now() })
  })
  const api = await bus.subscribe(channels.api, { root }, (said, { instance }) => {
    of(instance).node = said.node && { instance, ...said.node }
  })

  const online = () => {
    if (!bus.connected) return []
    const oldest = performance.now() - LOST_MS
    const byName = new Map<string, Node>()
    const living = [...known.values()].filter((agent) => agent.online && agent.heard > oldest)
    for (const { node } of living.sort((a, b) => a.since - b.since)) {
      const first = node && byName.get(node.name)
      if (first) ignored(first, node)
      else if (node) byName.set(node.name, node)
    }
    return inOrder(byName.values())
  }
  const listed = () => {
    const living = online()
    if (!living.some(({ archive }) => archive)) return living
    const byName = new Map(living.map((node) => [node.name, node]))
    for (const { node } of known.values()) {
      if (node?.live && !byName.has(node.name)) byName.set(node.name, { ...node, away: true })
    }
    return inOrder(byName.values())
  }

  const ignored = (first: Node, second: Node) => {
    if (twins.has(second.instance)) return
    twins.add(second.instance)
    const { name, instance } = second
    log(
      `two data nodes go by ${name}: ${first.instance} and ${instance}; ${instance}, the younger, is not asked`,
    )
  }

  const ask = async <S extends z.ZodType>(
    node: Node,
    query: string,
    params: Readonly<Record<string, unknown>>,
    answer: S,
  ): Promise<z.output<S> | undefined> => {
    try {
      const result = answer.parse(await asking.query(node.instance, query, params, ANSWER))
      if (failing.delete(node.instance)) log(`data node ${node.name} answers again`)
      return result
    } catch (error) {
      if (!failing.has(node.instance)) log(`data node ${node.name}: ${messageOf(error)}`)
      failing.add(node.instance)
      return undefined
    }
  }

  return {
    online,
    archives: () => online().filter(({ archive }) => archive),
    listed,
    find: (name) => nameFinder(listed().map((node) => [node.name, node] as const))(name),
    fields: (node) => ask(node, 'get_fields', { start: 1, end: 0 }, FieldsAnswer),
    data: (node, request) => ask(node, 'get_data', { ...request, packed: true }, DataAnswer),
    async [Symbol.asyncDispose]() {
      for (const part of [presence, api, asking]) await part[Symbol.asyncDispose]()
    },
  }
}

function inOrder(nodes: Iterable<Node>): Node[] {
  return [...nodes].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
}
