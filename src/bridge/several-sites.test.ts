/**
 * Two labs with the same names on one bridge: each is asked for its own data, and a broken link to one does
 * not affect the other.
 */
import { expect, test } from 'bun:test'
import type { Bus } from '../bus/bus.ts'
import { channels } from '../core/channels.ts'
import type { DataAnswer, DataRequest } from '../core/data-node.ts'
import thermometry from '../datanode/thermometry.ts'
import { joinNodes, type SiteLook } from '../lab/joined-sites.ts'
import { viewLab } from '../lab/lab-view.ts'
import type { Node, Nodes } from '../lab/nodes.ts'
import { startBridge } from './bridge.ts'
import { testLab, thermometer, until } from './lab.test-aid.ts'
import { operate } from './live/operate.ts'
import { query, ROOT } from './site.test-aid.ts'

/** A lab with an agent "ls240" and its data node "N", which publishes what it is told to. */
async function oneLab() {
  const lab = testLab()
  const { agent, temperatures } = thermometer(1)
  await lab.run(agent, 'ls240', {}, lab.spool('ls240'))
  await lab.run(thermometry, 'node-N', { target: 'ls240', name: 'N' })
  const feed = await temperatures
  const say = (value: number, time = Date.now() / 1000) => feed.publish('temps', time, { Channel_1_T: value })
  return { lab, say }
}

async function twoLabs() {
  const [own, barn] = [await oneLab(), await oneLab()]
  const buses: Bus[] = [own.lab.hub.connect('bridge'), barn.lab.hub.connect('bridge')]
  const bridge = await startBridge({
    bus: buses[0] as Bus,
    root: ROOT,
    sites: [{ name: 'barn', bus: buses[1] as Bus, root: ROOT }],
    listen: { host: '127.0.0.1', port: 0 },
    log() {},
  })
  own.say(1)
  barn.say(2)
  /** The newest values of both, null where nothing came. */
  const values = async () =>
    (await query(bridge, 'N::Channel_1_T', 'barn/N::Channel_1_T')).map(
      ({ datapoints }) => datapoints.findLast(([value]) => value !== null)?.[0] ?? null,
    )
  const get = async (path: string) => await (await fetch(`${bridge.url}${path}`)).text()
  return {
    own,
    barn,
    bridge,
    values,
    get,
    async [Symbol.asyncDispose]() {
      await bridge.close()
      for (const bus of buses) await bus[Symbol.asyncDispose]()
      await own.lab[Symbol.asyncDispose]()
      await barn.lab[Symbol.asyncDispose]()
    },
  }
}

test('metrics of another site have its name in front, in each dialect, and are its own', async () => {
  await using at = await twoLabs()
  await until(at.values, (got) => got.join() === '1,2')
  const metrics = JSON.parse(await at.get('/api/metrics')) as {
    metric: string
    graphite: string
    source: string
  }[]
  expect(metrics.map(({ metric, graphite, source }) => [metric, graphite, source])).toEqual([
    ['N::Channel_1_T', 'N.Channel_1_T', 'observatory.ls240.feeds.temperatures.Channel_1_T'],
    ['barn/N::Channel_1_T', 'barn_N.Channel_1_T', 'barn/observatory.ls240.feeds.temperatures.Channel_1_T'],
  ])
  const drawn = JSON.parse(
    await at.get('/graphite/render?format=json&target=barn_N.Channel_1_T&from=-1h'),
  ) as {
    datapoints: [number | null, number][]
  }[]
  expect(drawn[0]?.datapoints.flatMap(([value]) => value ?? [])).toEqual([2])
  const agents = JSON.parse(await at.get('/api/agents')) as { instance: string }[]
  expect(agents.map(({ instance }) => instance)).toEqual(['barn/ls240', 'barn/node-N', 'ls240', 'node-N'])
  const fields = JSON.parse(await at.get('/page/fields')) as {
    name: string
    fields: { instance: string }[]
  }[]
  expect(fields.map(({ name, fields: [field] }) => [name, field?.instance])).toEqual([
    ['N', 'ls240'],
    ['barn/N', 'barn/ls240'],
  ])
})

test('a site whose link is down is away with since when, the other whole; what it recorded meanwhile comes with it', async () => {
  await using at = await twoLabs()
  await until(at.values, (got) => got.join() === '1,2')
  const stream = await fetch(`${at.bridge.url}/page/stream`)
  const reader = stream.body?.getReader()
  let told = ''
  const read = async (text: string) => {
    const decoder = new TextDecoder()
    while (!told.includes(text)) {
      const { value, done } = (await reader?.read()) ?? { done: true, value: undefined }
      if (done) return false
      told += decoder.decode(value)
    }
    return true
  }
  expect(await read('"instance":"barn/ls240"')).toBe(true)
  at.barn.lab.hub.stop()
  expect(await read('the link to the site barn is down since 20')).toBe(true)
  const agent = told.split('\n').findLast((line) => line.includes('"instance":"barn/ls240"'))
  expect(JSON.parse(agent?.replace('data: ', '') ?? '{}')).toMatchObject({ state: 'away' })
  expect(JSON.parse(await at.get('/'))).toMatchObject({
    hub: 'connected',
    sites: { barn: expect.stringMatching(/is down since 20.*Z$/) },
  })
  // The other continues, without reporting anything.
  at.own.say(3)
  at.barn.say(4)
  await until(at.values, (got) => got[0] === 3)
  const rows = await fetch(`${at.bridge.url}/api/data?metric=barn/N::Channel_1_T&from=now-1h`)
  expect([...rows.headers.values(), await rows.text()].join()).toContain('the link to the site barn is down')
  const graphite = await fetch(`${at.bridge.url}/graphite/render?format=json&target=barn_N.Channel_1_T`)
  expect([...graphite.headers.values()].join()).toContain('the link to the site barn is down')
  at.barn.lab.hub.start()
  // The page reconnects, and requests what it has missed.
  while (await read('\n\nnever')) expect(told).not.toContain('never')
  await until(at.values, (got) => got.join() === '3,4')
  expect(await at.get('/')).toContain('"barn":"connected"')
})

test('a site of an older version is shown, and what no version says is left out; the others are whole', async () => {
  await using at = await twoLabs()
  const bus = at.barn.lab.hub.connect('old')
  const [first, odd] = ['first', 'odd'].map((instance) => ({ root: ROOT, instance }))
  if (!first || !odd) return
  // The description of an agent by version 0.1.0.
  const time = Date.now() / 1000
  const said = {
    state: 'online',
    session: 's',
    since: time,
    time,
    agent_class: 'Old',
    host: 'h',
    pid: 1,
  } as const
  await bus.publish(channels.presence, first, { ...said, version: '0.1.0' })
  await bus.publishText(channels.presence, odd, '{"state":[1],"since":"yesterday"}')
  await bus.publishText(channels.api, odd, 'no JSON')
  await until(at.values, (got) => got.join() === '1,2')
  const agents = JSON.parse(await at.get('/api/agents')) as { instance: string }[]
  expect(agents.map(({ instance }) => instance)).toEqual([
    ...['barn/first', 'barn/ls240', 'barn/node-N'],
    ...['ls240', 'node-N'],
  ])
  await bus[Symbol.asyncDispose]()
})

test('who has signed in here operates nothing there', async () => {
  await using at = await twoLabs()
  const { act } = operate(await viewLab(at.own.lab.hub.connect('eye'), ROOT), () => {})
  const person = { name: 'maya', role: 'operator:3' } as Parameters<typeof act>[0]
  const body = { instance: 'barn/ls240', op: 'acq', action: 'stop', params: {} } as const
  await expect(act(person, body)).rejects.toMatchObject({ status: 403 })
})

test('an archive is asked for what its own site records, though others spell it the same', async () => {
  const source = 'observatory.ls240.feeds.temperatures.Channel_1_T'
  const asked: [string, readonly string[]][] = []
  const archive = (name: string) => {
    const node: Node = { instance: 'files', name: 'files', description: '', archive: true }
    return {
      ...{ online: () => [node], listed: () => [node], archives: () => [node], gone: () => [] },
      ...{ away: () => undefined, answers: () => true, find: () => node, fields: async () => undefined },
      async data(_: Node, { fields }: DataRequest): Promise<DataAnswer> {
        asked.push([name, fields])
        const entry = { description: null, timeline: 't', type: 'number', units: null, source } as const
        return {
          data: Object.fromEntries(fields.map((field) => [field, [1]])),
          timeline: { t: { t: [1], finalized_until: null } },
          fields: Object.fromEntries(fields.map((field) => [field, entry])),
        }
      },
      [Symbol.asyncDispose]: async () => {},
    } satisfies Nodes
  }
  const barn = { name: 'barn', nodes: archive('barn'), away: () => undefined } as unknown as SiteLook
  const nodes = joinNodes(archive('own'), [barn])
  const request = { fields: [source, `barn/${source}`, 'ls240.temperatures.x'], start: 1, end: 2 }
  const answers = await Promise.all(nodes.archives().map((node) => nodes.data(node, request)))
  expect(asked).toEqual([
    ['own', [source, 'ls240.temperatures.x']],
    ['barn', [source, 'ls240.temperatures.x']],
  ])
  expect(answers.map((answer) => Object.keys(answer?.data ?? {}))).toEqual([
    [source, 'ls240.temperatures.x'],
    [`barn/${source}`, 'ls240.temperatures.x'],
  ])
  expect(answers[1]?.fields[`barn/${source}`]?.source).toBe(`barn/${source}`)
})
