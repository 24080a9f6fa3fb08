import type { z } from 'zod'
import type { Bus } from '../bus/bus.ts'
import { DataAnswer, type DataRequest, FieldsAnswer } from '../core/data-node.ts'
import { messageOf } from '../core/errors.ts'
import { nameFinder } from '../core/names.ts'
import { fitFields } from './fit-fields.ts'
import type { LabView } from './lab-view.ts'
import { caller } from './request-client.ts'

/** Seconds a data node has to answer: a panel waits no longer for a slow one. */
const ANSWER = 2

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
  /** Why nobody knows whether a node of this name lives: its hub is away; undefined while that is there. */
  away(name: string): string | undefined
  /** Those that live, in order of name; of two that go by one name the one that had it first. */
  online(): Node[]
  /** Those that live and serve recorded files. */
  archives(): Node[]
  /** Those that live and, while there are archives, those that do not and whose data is recorded, in order of name. */
  listed(): Node[]
  /** The listed node of a name: the exact one, else without regard to case. */
  find(name: string): Node | undefined
  /** Names of data nodes that do not live now, as far as nothing else goes by them. */
  gone(): string[]
  /** Whether a node answered when it was asked last. */
  answers(node: Node): boolean
  /** What a node serves; undefined when it does not answer in time. */
  fields(node: Node): Promise<FieldsAnswer | undefined>
  /** Data of a node; undefined when it does not answer in time. */
  data(node: Node, request: DataRequest): Promise<DataAnswer | undefined>
}

/** Finds the data nodes of a lab by what its agents announce, and asks them. */
export async function findNodes(
  { bus, root, lab }: { readonly bus: Bus; readonly root: string; readonly lab: LabView },
  log: (text: string) => void,
): Promise<Nodes> {
  const failing = new Set<string>()
  const twins = new Set<string>()
  /** Whose field names have been complained of. */
  const odd = new Set<string>()
  const asking = await caller(bus, root)

  /** Who had which name first, as was seen here: nobody takes one over by what they say of their age. */
  const named = new Map<string, { readonly name: string; readonly nth: number }>()
  let seen = 0
  const note = (instance: string) => {
    const { api, state } = lab.instances.get(instance) ?? {}
    const name = api?.node?.name
    if (named.get(instance)?.name === name) return
    // What is retained of one that is gone holds no name against those that live.
    if (name === undefined || state !== 'online') named.delete(instance)
    else named.set(instance, { name, nth: ++seen })
  }
  const nthOf = ({ instance }: Node) => named.get(instance)?.nth ?? Infinity
  const all = () =>
    [...lab.instances].flatMap(([instance, { api, presence, state }]) => {
      if (!api?.node) return []
      // The hub's word on who had a name first; its own, where the broker is another's.
      const { named, ...node } = api.node
      return [{ node: { instance, ...node } as Node, since: named ?? presence?.since ?? 0, state }]
    })
  const online = () => {
    if (!bus.connected) return []
    const byName = new Map<string, Node>()
    const living = all().filter(({ state }) => state === 'online')
    for (const { node } of living.sort((a, b) => nthOf(a.node) - nthOf(b.node) || a.since - b.since)) {
      const first = byName.get(node.name)
      if (first) ignored(first, node)
      else byName.set(node.name, node)
    }
    return inOrder(byName.values())
  }
  const listed = () => {
    const living = online()
    if (!living.some(({ archive }) => archive)) return living
    const byName = new Map(living.map((node) => [node.name, node]))
    for (const { node } of all()) {
      if (node.live && !byName.has(node.name)) byName.set(node.name, { ...node, away: true })
    }
    return inOrder(byName.values())
  }

  const find = (name: string) => nameFinder(listed().map((node) => [node.name, node] as const))(name)

  const ignored = (first: Node, second: Node) => {
    if (twins.has(second.instance)) return
    twins.add(second.instance)
    const { name, instance } = second
    log(
      `two data nodes are named ${name}: ${first.instance} and ${instance}; ${instance}, the later one, is ignored`,
    )
  }

  const misnamed = ({ name: node, instance }: Node, name: string, why: string) => {
    if (odd.has(instance)) return
    odd.add(instance)
    log(
      `data node ${node}: its field ${JSON.stringify(name)}, and all others with this fault, are left out: ${why}`,
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

  // Those that are there already are in the order that the hub tells.
  let isSettled = false
  void lab.settled().then(() => {
    isSettled = true
    for (const { node } of all().sort((a, b) => a.since - b.since)) note(node.instance)
  })
  const watch = lab.onChange((instance) => isSettled && note(instance))
  return {
    away: () => (bus.connected ? undefined : 'the hub is away'),
    online,
    archives: () => online().filter(({ archive }) => archive),
    listed,
    find,
    answers: ({ instance }) => !failing.has(instance),
    gone: () => all().flatMap(({ node: { name } }) => (find(name) ? [] : [name])),
    async fields(node) {
      const answer = await ask(node, 'get_fields', { start: 1, end: 0 }, FieldsAnswer)
      return answer && fitFields(answer, (name, why) => misnamed(node, name, why))
    },
    data: (node, request) => ask(node, 'get_data', { ...request, packed: true }, DataAnswer),
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]()
      await asking[Symbol.asyncDispose]()
    },
  }
}

function inOrder(nodes: Iterable<Node>): Node[] {
  return [...nodes].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
}
