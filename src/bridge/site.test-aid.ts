import { expect } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { ownClock } from '../../test/own-clock.ts'
import type { Bus } from '../bus/bus.ts'
import type { MemoryHub } from '../bus/memory.ts'
import { channels, type Presence } from '../core/channels.ts'
import type { FeedPublisher } from '../core/feed-spec.ts'
import thermometry from '../datanode/thermometry.ts'
import { type Bridge, startBridge } from './bridge.ts'
import { fill, type TestLab, testLab, thermometer, until } from './lab.test-aid.ts'

export const ROOT = 'observatory'
const FOLDER = 'fixtures/grafana'
/** Points of five minutes at 10 Hz on a panel 1000 points wide, less those that two intervals share. */
export const FULL = 900

/**
 * A request as a plugin sends it; `form` is a body that is not JSON, `answer` a response type other than
 * JSON.
 */
export interface Recorded {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: { targets?: unknown; range?: object } | null
  readonly form?: string
  readonly answer?: string
}
export type Answered = {
  target: string
  refId?: string
  unit?: string
  datapoints: [number | null, number][]
  type?: string
  columns: unknown[]
  rows: [number, unknown][]
}[]

/** The names of all recorded requests. */
export const recordings = readdirSync(FOLDER).map((file) => file.replace('.json', ''))

export function recorded(name: string): Recorded {
  return JSON.parse(readFileSync(`${FOLDER}/${name}.json`, 'utf8')) as Recorded
}

/** Sends a recorded request, with its time range moved to the last hour. */
export function send({ url }: Bridge, { method, path, headers, body, form }: Recorded): Promise<Response> {
  const now = Date.now()
  const range = { from: new Date(now - 3_600_000).toISOString(), to: new Date(now).toISOString() }
  const json = body && ('range' in body ? { ...body, range: { ...body.range, ...range } } : body)
  const moved = form === undefined ? json && JSON.stringify(json) : moveTimes(form, now)
  return fetch(url + moveTimes(path, now), { method, headers, ...(moved !== null && { body: moved }) })
}

/** Times since 1970, in s or ms, moved to the present. */
function moveTimes(text: string, now: number): string {
  return text
    .replace(
      /(from=)1795415400(123)?/,
      (_, name, ms) => name + Math.floor((now - 3_600_000) / (ms ? 1 : 1000)),
    )
    .replace(/(until=|to=)1795419000(456)?/, (_, name, ms) => name + Math.ceil(now / (ms ? 1 : 1000)))
}

/** A bridge, and a data node "N" of a thermometer that publishes what it is told to. */
export async function oneThermometer(): Promise<
  { readonly bridge: Bridge; readonly feed: FeedPublisher } & AsyncDisposable
> {
  const lab = testLab()
  const { agent, temperatures } = thermometer(1)
  await lab.run(agent, 'ls240', {}, lab.spool('ls240'))
  await lab.run(thermometry, 'node-N', { target: 'ls240', name: 'N' })
  const bus = lab.hub.connect('bridge')
  const bridge = await startBridge({ bus, root: ROOT, listen: { host: '127.0.0.1', port: 0 }, log() {} })
  await until(
    () => lab.lines,
    (lines) => lines.includes('node-N: serve: Status is now "running".'),
  )
  await new Promise((resolve) => setImmediate(resolve))
  return {
    bridge,
    feed: await temperatures,
    async [Symbol.asyncDispose]() {
      await bridge.close()
      await bus[Symbol.asyncDispose]()
      await lab[Symbol.asyncDispose]()
    },
  }
}

export async function query(bridge: Bridge, ...targets: unknown[]): Promise<Answered> {
  const body = {
    targets: targets.map((target) => (typeof target === 'string' ? { target } : target)),
    range: {},
  }
  const answer = await send(bridge, { ...recorded('query-bare'), body })
  expect(answer.status).toBe(200)
  return (await answer.json()) as Answered
}

/** A lab with a bridge, for tests. */
export interface TestSite extends AsyncDisposable {
  readonly lab: TestLab
  readonly bridge: Bridge
  readonly log: string[]
  /** The time of the newest sample of the data node LSA21OQ, unix s. */
  readonly newest: number
  /** Stops the data node of a name. */
  stopNode(name: string): Promise<void>
}

/**
 * A lab with two thermometers and their data nodes, five minutes of data each, and a bridge, with a clock of
 * their own.
 * @param node the data node for thermometers
 */
export async function siteWith(node: unknown, wrap = (bus: Bus) => bus): Promise<TestSite> {
  const clock = ownClock()
  const lab = testLab()
  const log: string[] = []
  const bridge = await startBridge({
    bus: wrap(lab.hub.connect('bridge')),
    root: ROOT,
    listen: { host: '127.0.0.1', port: 0 },
    log: (text) => log.push(text),
  })
  const ends: number[] = []
  const nodes = new Map<string, { stop(): Promise<void> }>()
  for (const [instance, name] of [
    ['ls240', 'LSA21OQ'],
    ['control', 'LSA22HA'],
  ] as const) {
    const spool = lab.spool(instance)
    ends.push(await fill(spool, 300, 2))
    await lab.run(thermometer().agent, instance, {}, spool)
    nodes.set(name, await lab.run(node, `node-${name}`, { target: instance, name, description: '' }))
  }
  await until(
    () => query(bridge, 'LSA21OQ::Channel_1_T', 'LSA22HA::Channel_1_T'),
    (got) => got.every(({ datapoints }) => datapoints.length >= FULL),
  )
  return {
    lab,
    bridge,
    log,
    newest: ends[0] ?? 0,
    stopNode: async (name) => await nodes.get(name)?.stop(),
    async [Symbol.asyncDispose]() {
      await bridge.close()
      await lab[Symbol.asyncDispose]()
      clock[Symbol.dispose]()
    },
  }
}

/**
 * The data nodes that are asked from now on, by instance, with the length of the site's log at that moment.
 */
export async function askedOf({ lab, log }: TestSite): Promise<{ instance: string; logged: number }[]> {
  const asked: { instance: string; logged: number }[] = []
  const observer = lab.hub.connect('observer')
  await observer.subscribe(channels.query, { root: ROOT }, (_, { instance, query: what }) => {
    // The history of operations is requested from every agent.
    if (what !== 'history') asked.push({ instance, logged: log.length })
  })
  return asked
}

/** A data node that is on the hub and never answers. */
export async function silentNode(
  hub: MemoryHub,
  name: string,
  state: Presence['state'] = 'online',
  instance = `node-${name}`,
  since = Date.now() / 1000,
) {
  const bus = hub.connect(instance)
  const address = { root: ROOT, instance }
  const now = Date.now() / 1000
  const who = { session: 's', since, time: now, agent_class: 'X', host: 'h', pid: 1, version: '0' }
  const node = { name, description: '' }
  await bus.publish(channels.api, address, {
    agent_class: 'X',
    help: '',
    ops: {},
    queries: {},
    feeds: {},
    node,
  })
  await bus.publish(channels.presence, address, { state, ...who })
  return bus
}
