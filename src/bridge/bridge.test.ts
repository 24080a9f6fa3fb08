import { expect, test } from 'bun:test'
import { ownClock } from '../../test/own-clock.ts'
import type { Bus } from '../bus/bus.ts'
import { MemoryHub } from '../bus/memory.ts'
import { channels } from '../core/channels.ts'
import thermometry from '../datanode/thermometry.ts'
import { type Bridge, startBridge } from './bridge.ts'
import { fill, thermometer, until } from './lab.test-aid.ts'
import {
  type Answered,
  askedOf,
  FULL,
  oneThermometer,
  query,
  ROOT,
  recorded,
  recordings,
  send,
  silentNode,
  siteWith,
} from './site.test-aid.ts'

const site = (wrap?: (bus: Bus) => Bus) => siteWith(thermometry, wrap)

const search = async ({ url }: Bridge, target?: string) => {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${url}/search`, { method: 'POST', headers, body: JSON.stringify({ target }) })
  return (await answer.json()) as string[]
}

test('every recorded request of Grafana’s plugin is answered with 200 and JSON', async () => {
  await using at = await site()
  for (const name of recordings) {
    const { answer = 'application/json', ...request } = recorded(name)
    const got = await send(at.bridge, request)
    expect([name, got.status, got.headers.get('content-type')]).toEqual([name, 200, answer])
    const text = await got.text()
    if (answer === 'application/json') JSON.parse(text)
  }
  expect(at.log.filter((line) => !line.startsWith('graphite: left out: '))).toEqual([])
})

test('/query: curves in order, with refId, unit, times in ms and no more points than the panel is wide', async () => {
  await using at = await site()
  const got = (await (await send(at.bridge, recorded('query-9.3.2'))).json()) as Answered
  expect(got.map(({ target, refId, unit }) => ({ target, refId, unit }))).toEqual([
    { target: 'LSA21OQ::Channel_1_T', refId: 'A', unit: 'kelvin' },
    { target: 'LSA21OQ::Channel_2_T', refId: 'B', unit: 'kelvin' },
  ])
  const points = got[0]?.datapoints ?? []
  const newest = 1000 * at.newest
  expect(points.length).toBeLessThanOrEqual(684)
  expect(points.length).toBeGreaterThan(300)
  for (const [value, time] of points) {
    expect(typeof value).toBe('number')
    expect(Number.isInteger(time) && time > newest - 300_000 && time < newest + 1).toBe(true)
  }
  expect(points.every(([, time], i) => i === 0 || time >= (points[i - 1]?.[1] ?? 0))).toBe(true)
})

test('/query: keys come in any order', async () => {
  await using at = await site()
  const request = recorded('query-9.3.2')
  const backwards = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(backwards)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, item]) => [key, backwards(item)]),
    )
  }
  const body = backwards(request.body) as typeof request.body
  const got = (await (await send(at.bridge, { ...request, body })).json()) as Answered
  expect(got.map(({ refId, datapoints }) => [refId, datapoints.length > 300])).toEqual([
    ['A', true],
    ['B', true],
  ])
})

test('/query: names of sisock’s dashboards, in lower case, still draw', async () => {
  await using at = await site()
  const got = (await (await send(at.bridge, recorded('query-5'))).json()) as Answered
  expect(got[0]?.target).toBe('lsa21oq::channel_1_t')
  expect(got[0]?.datapoints.length).toBeGreaterThan(300)
})

test('/query: placeholders are passed over, unknown names are empty, a table keeps its place', async () => {
  await using at = await site()
  const got = (await (await send(at.bridge, recorded('query-strange-targets'))).json()) as Answered
  expect(got.map(({ refId }) => refId)).toEqual(['E', 'F', 'G', 'I'])
  const [table, nothing, nowhere, curve] = got
  expect(table?.type).toBe('table')
  expect(table?.columns).toEqual([
    { text: 'Time', type: 'time' },
    { text: 'LSA21OQ::Channel_1_T', type: 'number' },
  ])
  expect(table?.rows.length).toBeGreaterThan(300)
  expect(nothing).toEqual({ target: 'LSA21OQ::nothing', refId: 'F', datapoints: [] } as never)
  expect(nowhere).toEqual({ target: 'no node', refId: 'G', datapoints: [] } as never)
  expect(curve?.datapoints.length).toBeGreaterThan(300)
  expect(await query(at.bridge)).toEqual([])
})

test('/query: a panel of nothing but unknown names is told so; one that has others is told what is empty', async () => {
  await using at = await site()
  const asked = async (...targets: string[]) => {
    const body = { targets: targets.map((target) => ({ target })), range: {} }
    const answer = await send(at.bridge, { ...recorded('query-bare'), body })
    const got = (await answer.json()) as { error?: string }
    return [answer.status, got.error ?? answer.headers.get('x-ocs-left-out')]
  }
  const all = ': /api/metrics lists all metrics'
  const none = 'there is no metric'
  expect(await asked('LSA21OQ::Channel_1')).toEqual([
    400,
    `${none} "LSA21OQ::Channel_1" (did you mean LSA21OQ::Channel_1_T?)${all}`,
  ])
  expect(await asked('nowhere::(a|b)', 'no node')).toEqual([
    400,
    `${none} "nowhere::a"; ${none} "nowhere::b"; ${none} "no node": a metric is NODE::field${all}`,
  ])
  expect(await asked('nowhere::a', 'LSA21OQ::Channel_1_T')).toEqual([200, `${none} "nowhere::a"`])
  expect(await asked('LSA21OQ::Channel_1_T', 'LSA21OQ::()', '()')).toEqual([200, null])
  expect(await asked('nowhere::a', 'events')).toEqual([200, `${none} "nowhere::a"`])
  await at.stopNode('LSA22HA')
  // A panel that keeps its last picture on an error would be misleading: lost data must look lost.
  expect(
    await until(
      () => asked('LSA22HA::Channel_1_T'),
      ([, why]) => why !== null,
    ),
  ).toEqual([200, '"LSA22HA::Channel_1_T": its data node does not run'])
})

test('/query: variables, as Grafana writes them out', async () => {
  await using at = await site()
  const got = (await (await send(at.bridge, recorded('query-variables'))).json()) as Answered
  expect(got.map(({ target, datapoints }) => [target, datapoints.length > 300])).toEqual([
    ['LSA21OQ::Channel_1_T', true],
    ['LSA21OQ::Channel_2_T', true],
    ['LSA22HA::Channel_1_T', true],
    ['LSA22HA::Channel_2_T', true],
    ['LSA21OQ::temperatures.Channel_1_T', true],
    ['LSA21OQ::', false],
  ])
})

test('/query: NaN is null, a boolean 0 or 1, a text a table', async () => {
  using _ = ownClock()
  await using at = await oneThermometer()
  const { bridge, feed } = at
  const now = Math.floor(Date.now() / 1000) - 10
  feed.publish('temps', now + 0.25, { Channel_1_T: Number.NaN, on: true, range: 'high' })
  feed.publish('temps', now + 1, { Channel_1_T: Infinity, on: false, range: 'low' })
  feed.publish('temps', now + 2, { Channel_1_T: 4.2, on: true, range: 'low' })
  const got = await until(
    () => query(bridge, 'N::Channel_1_T', 'N::on', 'N::range'),
    ([first]) => first?.datapoints.length === 3,
  )
  const ms = now * 1000
  expect(got).toEqual([
    {
      target: 'N::Channel_1_T',
      unit: 'kelvin',
      datapoints: [
        [null, ms + 250],
        [null, ms + 1000],
        [4.2, ms + 2000],
      ],
    },
    {
      target: 'N::on',
      datapoints: [
        [1, ms + 250],
        [0, ms + 1000],
        [1, ms + 2000],
      ],
    },
    {
      type: 'table',
      columns: [
        { text: 'Time', type: 'time' },
        { text: 'N::range', type: 'string' },
      ],
      rows: [
        [ms + 250, 'high'],
        [ms + 1000, 'low'],
        [ms + 2000, 'low'],
      ],
    },
  ] as never)
})

test('/search lists all metrics, or those that contain a text', async () => {
  await using at = await site()
  const all = ['LSA21OQ::Channel_1_T', 'LSA21OQ::Channel_2_T', 'LSA22HA::Channel_1_T', 'LSA22HA::Channel_2_T']
  expect(await search(at.bridge, '')).toEqual(all)
  expect(await search(at.bridge)).toEqual(all)
  expect(await search(at.bridge, 'lsa22ha::')).toEqual(all.slice(2))
  expect(await search(at.bridge, '(LSA21OQ|LSA22HA)::Channel_1_T')).toEqual([all[0] ?? '', all[2] ?? ''])
  expect(await search(at.bridge, 'nothing')).toEqual([])
})

test('a data node that restarts goes on answering the same metric, with no /search', async () => {
  await using at = await site()
  const { lab, bridge } = at
  const spool = lab.spool('measurement')
  await fill(spool, 300, 2)
  await lab.run(thermometer().agent, 'measurement', {}, spool)
  const ask = () => query(bridge, 'LSA22Y5::Channel_1_T', 'LSA21OQ::Channel_1_T')
  const args = { target: 'measurement', name: 'LSA22Y5' }
  for (let start = 0; start < 3; start++) {
    const node = await lab.run(thermometry, 'node-LSA22Y5', args)
    await until(ask, ([first]) => (first?.datapoints.length ?? 0) >= FULL)
    await node.stop()
    const [gone, other] = await ask()
    expect(gone?.datapoints).toEqual([])
    expect(other?.datapoints.length).toBeGreaterThanOrEqual(FULL)
  }
})

test('one slow node costs its own curves and 2 s, a lost one nothing; the others are whole', async () => {
  await using at = await site()
  const asked = await askedOf(at)
  await silentNode(at.lab.hub, 'LOST', 'lost')
  const [lost, whole] = await query(at.bridge, 'LOST::x', 'LSA21OQ::Channel_1_T')
  expect(asked.splice(0).map(({ instance }) => instance)).toEqual(['node-LSA21OQ'])
  expect(lost?.datapoints).toEqual([])
  expect(whole?.datapoints.length).toBeGreaterThan(FULL)

  await silentNode(at.lab.hub, 'SLOW')
  await silentNode(at.lab.hub, 'SLOWER')
  const got = await query(at.bridge, 'SLOW::x', 'LSA21OQ::Channel_1_T', 'SLOWER::x', 'LSA22HA::Channel_1_T')
  expect(got.map(({ datapoints: { length } }) => (length > FULL ? 'full' : length))).toEqual([
    0,
    'full',
    0,
    'full',
  ])
  expect(at.log.map((line) => line.split(': is it')[0])).toEqual([
    'data node SLOW: node-SLOW did not answer within 2 s',
    'data node SLOWER: node-SLOWER did not answer within 2 s',
  ])
  // All at the same time: the second node is not asked only after the first has been given up.
  expect(asked.map(({ logged }) => logged)).toEqual([0, 0, 0, 0])
})

test('of two live nodes of one name the one that had it first is asked, however old the other says it is, and the log says so', async () => {
  await using at = await site()
  await silentNode(at.lab.hub, 'LSA21OQ', 'online', 'impostor', 1)
  const [got] = await query(at.bridge, 'LSA21OQ::Channel_1_T')
  expect(got?.datapoints.length).toBeGreaterThan(FULL)
  expect(await search(at.bridge, 'LSA21OQ')).toHaveLength(2)
  expect(at.log).toEqual([
    'two data nodes are named LSA21OQ: node-LSA21OQ and impostor; impostor, the later one, is ignored',
  ])
  // Retained messages of a node that is gone do not count, even if they are older than the bridge.
  await silentNode(at.lab.hub, 'LATE', 'offline', 'gone', 1)
  await silentNode(at.lab.hub, 'LATE')
  await silentNode(at.lab.hub, 'LATE', 'online', 'gone', 1)
  await query(at.bridge, 'LATE::x').catch(() => {})
  expect(at.log).toContain(
    'two data nodes are named LATE: node-LATE and gone; gone, the later one, is ignored',
  )
})

test('a field whose name moves cursors is not listed, and the log says so', async () => {
  await using at = await site()
  const bus = await silentNode(at.lab.hub, 'ODD')
  const about = { description: null, timeline: 't', type: 'number', units: null }
  const result = { fields: { 'T\u001b[2J': about, good: about }, timelines: {} }
  await bus.subscribe(channels.query, { root: ROOT, instance: 'node-ODD' }, ({ id }, { client }) => {
    void bus.publish(
      channels.reply,
      { root: ROOT, instance: 'node-ODD', client, id },
      { id, status: 0, msg: '', result },
    )
  })
  const answer = await fetch(`${at.bridge.url}/api/metrics`)
  const listed = (await answer.json()) as { node: string; metric: string }[]
  expect(listed.filter(({ node }) => node === 'ODD').map(({ metric }) => metric)).toEqual(['ODD::good'])
  expect(at.log).toEqual([
    'data node ODD: its field "T\\\\u001b[2J", and all others with this fault, are left out: without control and invisible characters',
  ])
})

test('without a hub: 200 and empty curves, and all again when it is back', async () => {
  await using at = await site()
  at.lab.hub.stop()
  const [gone] = await query(at.bridge, 'LSA21OQ::Channel_1_T')
  expect(gone?.datapoints).toEqual([])
  expect(await (await fetch(at.bridge.url)).json()).toEqual({ service: 'ocs bridge', hub: 'away' })
  at.lab.hub.start()
  await until(
    () => query(at.bridge, 'LSA21OQ::Channel_1_T'),
    ([first]) => (first?.datapoints.length ?? 0) > 900,
  )
})

test('answers are compressed for whom they may be', async () => {
  await using at = await site()
  const body = { targets: [{ target: 'LSA21OQ::Channel_1_T' }], range: {} }
  const answers = ['gzip', 'identity'].map(async (encoding) => {
    const headers = { 'content-type': 'application/json', 'accept-encoding': encoding }
    const answer = await send(at.bridge, { method: 'POST', path: '/query', headers, body })
    const { datapoints } = ((await answer.json()) as Answered)[0] ?? { datapoints: [] }
    return [answer.headers.get('content-encoding'), datapoints.length > FULL]
  })
  expect(await Promise.all(answers)).toEqual([
    ['gzip', true],
    [null, true],
  ])
})

test('what is refused says why', async () => {
  const bus = new MemoryHub().connect('bridge')
  const bridge = await startBridge({ bus, root: ROOT, listen: { host: '127.0.0.1', port: 0 }, log() {} })
  const post = async (path: string, body: string, headers: Record<string, string> = {}) => {
    const all = { 'content-type': 'application/json', ...headers }
    const answer = await fetch(bridge.url + path, { method: 'POST', headers: all, body })
    return [answer.status, ((await answer.json()) as { error: string }).error]
  }
  const range = { from: '2026-01-01T00:00:00Z', to: '2026-01-01T01:00:00Z' }
  expect(await post('/nowhere', '{}')).toEqual([404, 'there is no POST /nowhere'])
  expect((await fetch(`${bridge.url}/query`)).status).toBe(404)
  expect(
    (await fetch(`${bridge.url}/query`, { method: 'OPTIONS' })).headers.get('access-control-allow-origin'),
  ).toBeNull()
  expect(await post('/query', '{}', { 'content-type': 'text/plain' })).toEqual([
    415,
    'send JSON (Content-Type: application/json)',
  ])
  const long = { method: 'POST', headers: { 'content-type': 'application/json' }, body: ' '.repeat(262_145) }
  expect((await fetch(`${bridge.url}/query`, long)).status).toBe(413)
  expect((await post('/query', '{"targets":'))[0]).toBe(400)
  expect(await post('/query', '{"targets":[]}')).toEqual([400, expect.stringContaining('range: ')])
  expect(await post('/query', JSON.stringify({ targets: [], range: { ...range, to: 'soon' } }))).toEqual([
    400,
    'range.to: not a time: write unix ms (13 digits), 2026-11-23T08:00:00Z or now-1h',
  ])
  for (const [bad, why] of [
    [{ to: 1_795_415_400 }, 'range.to: not a time: '],
    [{ to: '1795415400' }, 'range.to: not a time: '],
    [{ from: 'May 5' }, 'range.from: not a time: '],
    [{ from: range.to, to: range.from }, 'range: from is after to'],
  ] as const) {
    const body = JSON.stringify({ targets: [], range: { ...range, ...bad } })
    expect(await post('/query', body)).toEqual([400, expect.stringContaining(why)])
    expect(await post('/annotations', body)).toEqual([400, expect.stringContaining(why)])
  }
  const many = Array.from({ length: 201 }, () => ({ target: 'a::b' }))
  expect((await post('/query', JSON.stringify({ targets: many, range })))[0]).toBe(400)
  const bomb = [{ target: `a::${'(a|b|c|d|e|f|g|h)'.repeat(200)}` }]
  expect(await post('/query', JSON.stringify({ targets: bomb, range }))).toEqual([
    400,
    'more than 200 metrics in one request',
  ])
  expect(await post('/search', '{}', { host: 'evil.example' })).toEqual([
    403,
    expect.stringContaining('host name'),
  ])
  expect((await fetch(bridge.url, { headers: { host: 'localhost:5000' } })).status).toBe(200)
  await bridge.close()
})

test('a port in use, an address beyond this machine: what to do', async () => {
  const options = { bus: new MemoryHub().connect('bridge'), root: ROOT, log() {} }
  const bridge = await startBridge({ ...options, listen: { host: '127.0.0.1', port: 0 } })
  const port = Number(new URL(bridge.url).port)
  await expect(startBridge({ ...options, listen: { host: '127.0.0.1', port } })).rejects.toThrow(
    new RegExp(
      `^port ${port} on 127\\.0\\.0\\.1 is in use by .+ \\(pid ${process.pid}\\): stop it, or choose another port with --listen ADDR:PORT$`,
    ),
  )
  await expect(startBridge({ ...options, listen: { host: '0.0.0.0', port: 0 } })).rejects.toThrow(
    '--insecure',
  )
  await bridge.close()
  const again = await startBridge({ ...options, listen: { host: '127.0.0.1', port } })
  await again.close()
})

test('nothing that a request makes the bridge publish is anything but a query', async () => {
  const published: string[] = []
  await using at = await site((bus) => ({
    ...bus,
    get connected() {
      return bus.connected
    },
    publish: (to, address, payload) => {
      published.push(to.pattern)
      return bus.publish(to, address, payload)
    },
    publishText: (to, address, text) => {
      published.push(to.pattern)
      return bus.publishText(to, address, text)
    },
    clear: (to) => {
      published.push(`clear ${to.pattern}`)
      return Promise.resolve()
    },
  }))
  await Promise.all(recordings.map((name) => send(at.bridge, recorded(name))))
  await query(at.bridge, 'LSA21OQ::Channel_1_T', 'LSA21OQ::ops/acq/start')
  expect(new Set(published)).toEqual(new Set([channels.query.pattern]))
})

/**
 * Sends raw bytes and resolves with the first line of the response, at the latest when the bridge closes the
 * connection.
 */
async function raw({ url }: Bridge, text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let got = ''
  await Bun.connect({
    hostname: '127.0.0.1',
    port: Number(new URL(url).port),
    socket: {
      open(socket) {
        socket.write(text)
        socket.shutdown()
      },
      data(_, data) {
        got += data.toString()
      },
      close: () => resolve(got.split('\r\n')[0] ?? ''),
    },
  })
  return promise
}

test('what is not HTTP, or only nearly, never fails the bridge', async () => {
  const log: string[] = []
  const bus = new MemoryHub().connect('bridge')
  const listen = { host: '127.0.0.1', port: 0 }
  const bridge = await startBridge({ bus, root: ROOT, listen, log: (text) => log.push(text) })
  const post = 'POST /query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
  const requests: Record<string, string> = {
    '\0\x01\x02\r\n\r\n': '400',
    'GET / HTTP/1.0\r\n\r\n': '403',
    'GET / HTTP/1.1\r\nHost: a b c\r\nConnection: close\r\n\r\n': '403',
    'GET / HTTP/1.1\r\nHost: [::1\r\nConnection: close\r\n\r\n': '403',
    'GET /%E0%A4%A/../%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n': '404',
    [`${post}Content-Length: -5\r\n\r\n`]: '400',
    [`${post}Content-Length: 99999999999\r\n\r\n`]: '413',
    [`${post}Content-Length: 100\r\n\r\n{}`]: '',
    [`${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n`]: '400',
    [`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`]: '431',
  }
  for (const [text, status] of Object.entries(requests)) {
    expect([text.slice(0, 80), (await raw(bridge, text)).split(' ')[1] ?? '']).toEqual([
      text.slice(0, 80),
      status,
    ])
  }
  expect((await fetch(bridge.url)).status).toBe(200)
  expect(log).toEqual([])
  await bridge.close()
})
