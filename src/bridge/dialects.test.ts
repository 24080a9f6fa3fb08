import { expect, test } from 'bun:test'
import thermometry from '../datanode/thermometry.ts'
import type { Bridge } from './bridge.ts'
import { until } from './lab.test-aid.ts'
import { type Answered, FULL, query, type Recorded, recorded, send, siteWith } from './site.test-aid.ts'

const site = () => siteWith(thermometry)

const sent = async <T>(bridge: Bridge, name: string, change: Partial<Recorded> = {}): Promise<T> => {
  const answer = await send(bridge, { ...recorded(name), ...change })
  expect(answer.status).toBe(200)
  return (await answer.json()) as T
}
const get = async <T>({ url }: Bridge, path: string) => {
  const answer = await fetch(url + path)
  return [answer.status, await answer.json()] as [number, T]
}

test('simPod: two drop-downs, tables and all metrics to choose from', async () => {
  await using at = await site()
  type Metric = { label: string; value: string; payloads: { name: string; type: string }[] }
  const metrics = await sent<Metric[]>(at.bridge, 'simpod-metrics')
  expect(metrics.map(({ value }) => value)).toEqual([
    'field',
    'events',
    'states',
    'LSA21OQ::Channel_1_T',
    'LSA21OQ::Channel_2_T',
    'LSA22HA::Channel_1_T',
    'LSA22HA::Channel_2_T',
  ])
  expect(metrics[0]?.payloads.map(({ name, type }) => [name, type])).toEqual([
    ['node', 'select'],
    ['field', 'multi-select'],
  ])
  expect(await sent<unknown>(at.bridge, 'simpod-options-node')).toEqual([
    { label: 'LSA21OQ', value: 'LSA21OQ' },
    { label: 'LSA22HA', value: 'LSA22HA' },
  ])
  expect(await sent<unknown>(at.bridge, 'simpod-options-field')).toEqual([
    { label: 'Channel_1_T', value: 'Channel_1_T' },
    { label: 'Channel_2_T', value: 'Channel_2_T' },
  ])
})

test('simPod: curves by name and by drop-downs; filters; a target that is being made', async () => {
  await using at = await site()
  type Got = { target: string; refId: string; datapoints: unknown[] }[]
  const got = await sent<Got>(at.bridge, 'simpod-query')
  expect(got.map(({ target, refId, datapoints }) => [target, refId, datapoints.length > 300])).toEqual([
    ['LSA21OQ::Channel_1_T', 'A', true],
    ['LSA22HA::Channel_1_T', 'B', true],
    ['LSA22HA::Channel_2_T', 'B', true],
  ])
  const filtered = async (...filters: [string, string, string][]) => {
    const body = {
      ...recorded('simpod-query').body,
      filters: filters.map(([key, operator, value]) => ({ key, operator, value })),
    }
    return (await sent<Got>(at.bridge, 'simpod-query', { body })).map(({ target }) => target)
  }
  expect(await filtered(['node', '=', 'lsa21oq'])).toEqual(['LSA21OQ::Channel_1_T'])
  expect(await filtered(['agent', '!=', 'LSA21OQ'], ['field', '!~', '_2_'])).toEqual(['LSA22HA::Channel_1_T'])
  expect(await filtered(['unit', '=', 'K'], ['other', '=', 'x'], ['field', '<', '3'])).toHaveLength(3)
  expect(await filtered(['field', '=~', '('])).toEqual([])
})

test('simPod: variables', async () => {
  await using at = await site()
  const values = async (payload: unknown) => {
    const got = await sent<{ __text: string; __value: string }[]>(at.bridge, 'simpod-variable', {
      body: { payload } as never,
    })
    return got.map(({ __text, __value }) => (__text === __value ? __text : [__text, __value]))
  }
  expect(await values({ target: 'agents' })).toEqual(['LSA21OQ', 'LSA22HA'])
  expect(await values('nodes')).toEqual(['LSA21OQ', 'LSA22HA'])
  expect(await values({ target: 'instances' })).toEqual(['control', 'ls240', 'node-LSA21OQ', 'node-LSA22HA'])
  expect(await values({ target: 'fields', agent: 'LSA22HA' })).toEqual(['Channel_1_T', 'Channel_2_T'])
  expect(await values({ target: 'fields', node: 'nothing' })).toEqual([])
  expect(await values('LSA22HA::')).toEqual(['LSA22HA::Channel_1_T', 'LSA22HA::Channel_2_T'])
  for (const payload of ['', undefined, null, 7, [], { target: { a: 1 } }]) {
    expect(await values(payload)).toHaveLength(4)
  }
})

test('SimpleJson: keys and values of tags', async () => {
  await using at = await site()
  expect(await sent<unknown>(at.bridge, 'tag-keys')).toEqual([
    { type: 'string', text: 'node' },
    { type: 'string', text: 'field' },
    { type: 'string', text: 'unit' },
  ])
  expect(await sent<unknown>(at.bridge, 'tag-values')).toEqual([{ text: 'LSA21OQ' }, { text: 'LSA22HA' }])
  for (const [body, texts] of [
    [{ key: 'unit' }, ['K']],
    [{ key: 'field' }, ['Channel_1_T', 'Channel_2_T']],
    [{ key: 'nothing' }, []],
    [{ key: 7 }, []],
    [[], []],
  ] as const) {
    const got = await sent<{ text: string }[]>(at.bridge, 'tag-values', { body: body as never })
    expect(got.map(({ text }) => text)).toEqual([...texts])
  }
})

test('/api/data: a row a value in order of time; patterns; times as ms, ISO and relative', async () => {
  await using at = await site()
  type Row = { time: number; metric: string; value: number }
  const rows = await sent<Row[]>(at.bridge, 'infinity-data')
  expect(Object.keys(rows[0] ?? {})).toEqual(['time', 'metric', 'value'])
  expect(new Set(rows.map(({ metric }) => metric)).size).toBe(2)
  expect(rows.length).toBeGreaterThan(600)
  expect(rows.length).toBeLessThanOrEqual(2 * 684)
  const newest = 1000 * at.newest
  const within = (time: number) => time > newest - 300_000 && time <= Date.now()
  expect(rows.every(({ time }, i) => time >= (rows[i - 1]?.time ?? 0) && within(time))).toBe(true)

  const samplesFrom = (ms: number) => Math.floor((newest - ms) / 100) + 1
  const all = '/api/data?metric=LSA21OQ::Channel_1_T&max_points=20000'
  for (const query of ['from=-100s', 'from=now-100s&to=now']) {
    const before = Date.now() - 100_000
    const [status, some] = await get<Row[]>(at.bridge, `${all}&${query}`)
    const after = Date.now() - 100_000
    const asMany = some.length >= samplesFrom(after) - 1 && some.length <= samplesFrom(before) + 1
    expect([query, status, some.length > 500, asMany]).toEqual([query, 200, true, true])
  }
  const from = Math.round(newest - 100_050)
  for (const query of [`from=${new Date(from).toISOString()}`, `from=${from}`]) {
    const [status, some] = await get<Row[]>(at.bridge, `${all}&${query}`)
    expect([query, status, some.length]).toEqual([query, 200, 1001])
  }
  // It reports where it has left samples out.
  for (const [points, thinned] of [
    [20_000, null],
    [100, 'LSA21OQ::Channel_1_T'],
  ] as const) {
    const url = `${at.bridge.url}/api/data?metric=LSA21OQ::Channel_1_T&from=-100s&max_points=${points}`
    expect((await fetch(url)).headers.get('x-ocs-thinned')).toBe(thinned)
  }
  const [, many] = await get<Row[]>(
    at.bridge,
    '/api/data?metric=*::Channel_1_T&metric=LSA21OQ::*&max_points=1',
  )
  expect(many.map(({ metric }) => metric).sort()).toEqual([
    'LSA21OQ::Channel_1_T',
    'LSA21OQ::Channel_2_T',
    'LSA22HA::Channel_1_T',
  ])
  const [, braces] = await get<Row[]>(
    at.bridge,
    `/api/data?metric=${encodeURIComponent('{LSA21OQ,LSA22HA}::Channel_1_T')}`,
  )
  expect(new Set(braces.map(({ metric }) => metric)).size).toBe(2)
})

test('/api/data: a column a metric, as CSV and as JSON; values of one time share a row', async () => {
  await using at = await site()
  const text = await (await send(at.bridge, recorded('infinity-csv'))).text()
  const [head, ...lines] = text.trimEnd().split('\r\n')
  expect(head).toBe('time,LSA21OQ::Channel_1_T,LSA21OQ::Channel_2_T')
  expect(lines.length).toBeGreaterThan(FULL)
  for (const line of lines) expect(line).toMatch(/^\d{13},(-?\d+(\.\d+)?)?,(-?\d+(\.\d+)?)?$/)
  const from = Math.round(1000 * at.newest - 20_050)
  const path = `/api/data?metric=LSA21OQ::*&wide=1&from=${from}&max_points=20000`
  const [, rows] = await get<Record<string, number>[]>(at.bridge, path)
  expect(rows).toHaveLength(201)
  expect(rows.every((row) => Object.values(row).every((value) => typeof value === 'number'))).toBe(true)
})

test('/api: what cannot be read is named', async () => {
  await using at = await site()
  for (const [query, text] of [
    ['', 'metric is missing'],
    ['metric=', 'metric is empty'],
    ['metric=a&from=soon', 'from=soon: not a time'],
    ['metric=a&from=1795415400', 'from=1795415400: not a time: write unix ms (13 digits)'],
    ['metric=a&from=now&to=-1h', 'from is after to'],
    [
      'metric=LSA21OQ::Chanel_1_T&metric=no',
      'there is no metric "LSA21OQ::Chanel_1_T" (did you mean LSA21OQ::Channel_1_T?); there is no metric "no": a metric is NODE::field: /api/metrics',
    ],
    ['metric=a&max_points=0', 'max_points=0: 1 to 20000'],
    ['metric=a&wide=maybe', 'wide=maybe: 0 or 1'],
    ['metric=a&format=xml', 'format=xml: json and csv'],
    [`metric=a${'&metric=a'.repeat(200)}`, 'more than 200 metrics'],
  ] as const) {
    const [status, { error }] = await get<{ error: string }>(at.bridge, `/api/data?${query}`)
    expect([status, error.slice(0, text.length)]).toEqual([400, text])
  }
})

test('/api/data: a metric that nobody has costs itself, and is named; a pattern may fit none', async () => {
  await using at = await site()
  const answer = await fetch(`${at.bridge.url}/api/data?metric=LSA21OQ::Channel_1_T&metric=no`)
  expect([answer.status, answer.headers.get('x-ocs-left-out')]).toEqual([
    200,
    'there is no metric "no": a metric is NODE::field',
  ])
  expect(await answer.json()).not.toEqual([])
  expect(await get(at.bridge, '/api/data?metric=no::*')).toEqual([200, []])
})

test('/api/metrics and /api/agents', async () => {
  await using at = await site()
  expect((await sent<unknown[]>(at.bridge, 'infinity-metrics'))[0]).toEqual({
    metric: 'LSA21OQ::Channel_1_T',
    node: 'LSA21OQ',
    field: 'Channel_1_T',
    type: 'number',
    unit: 'K',
    description: null,
    graphite: 'LSA21OQ.Channel_1_T',
    source: 'observatory.ls240.feeds.temperatures.Channel_1_T',
  })
  const agents = await sent<Record<string, unknown>[]>(at.bridge, 'infinity-agents')
  expect(agents.map(({ instance, state, node }) => [instance, state, node])).toEqual([
    ['control', 'online', null],
    ['ls240', 'online', null],
    ['node-LSA21OQ', 'online', 'LSA21OQ'],
    ['node-LSA22HA', 'online', 'LSA22HA'],
  ])
  expect(agents[1]).toMatchObject({ agent_class: 'TestThermometer', pid: process.pid })
  expect(agents[1]?.['ops']).toMatchObject([{ op: 'acq', kind: 'process', status: 'running', success: null }])
})

test('GET /metrics: the last values for Prometheus', async () => {
  await using at = await site()
  const text = await (await send(at.bridge, recorded('prometheus'))).text()
  const lines = text.trimEnd().split('\n')
  for (const line of lines) {
    expect(line).toMatch(
      /^(# (HELP|TYPE) \w+ .+|\w+\{(\w+="([^"\\]|\\.)*",?)+\} (NaN|-?[\d.e+-]+)( \d{13})?)$/,
    )
  }
  const [, time] = /^ocs_value\{node="LSA21OQ",field="Channel_1_T",unit="K"\} [\d.]+ (\d+)$/m.exec(text) ?? []
  expect(Number(time)).toBe(Math.round(1000 * at.newest))
  expect(lines.filter((line) => line.startsWith('ocs_value{'))).toHaveLength(4)
  expect(text).toContain('ocs_agent_up{agent="ls240",class="TestThermometer"} 1')
  expect(text).toContain('ocs_operation_code{agent="ls240",op="acq"} 3')
})

test('a request that is cancelled harms nobody', async () => {
  await using at = await site()
  for (const name of ['query-9.3.2', 'graphite-render-12', 'infinity-data', 'simpod-query']) {
    const { method, path, headers, body, form } = recorded(name)
    for (let i = 0; i < 10; i++) {
      const cancel = new AbortController()
      const sending = fetch(at.bridge.url + path, {
        method,
        headers,
        signal: cancel.signal,
        ...(method === 'POST' && { body: form ?? JSON.stringify(body) }),
      })
      setImmediate(() => cancel.abort())
      await sending.then((answer) => answer.text()).catch(() => {})
    }
  }
  expect((await sent<unknown[]>(at.bridge, 'query-9.3.2')).length).toBe(2)
  expect(at.log).toEqual([])
})

test('a data node with one field spelled two ways keeps both apart in every dialect', async () => {
  await using at = await site()
  await at.lab.run(thermometry, 'node-B', { target: 'ls240', name: 'LSA-21OQ' })
  await at.lab.run(thermometry, 'node-C', { target: 'ls240', name: 'LSA_21OQ' })
  type Metric = { metric: string; graphite: string }
  const names = async () =>
    new Map((await sent<Metric[]>(at.bridge, 'infinity-metrics')).map((one) => [one.metric, one.graphite]))
  const all = await until(names, ({ size }) => size >= 8)
  expect(all.get('LSA_21OQ::Channel_1_T')).toBe('LSA_21OQ.Channel_1_T')
  expect(all.get('LSA-21OQ::Channel_1_T')).toMatch(/^LSA_21OQ_[0-9a-f]{4}\.Channel_1_T$/)
  const target = all.get('LSA-21OQ::Channel_1_T') ?? ''
  const answer = await fetch(`${at.bridge.url}/graphite/render?target=${target}&from=-1h`)
  const [line] = (await answer.json()) as { tags: { node: string }; datapoints: unknown[] }[]
  expect(line?.tags.node).toBe('LSA-21OQ')
  expect(line?.datapoints.length).toBeGreaterThan(300)
})

test('intervals of weeks, months and years, as words and in ms: the newest sample stays', async () => {
  await using at = await site()
  const target = { target: 'LSA21OQ::Channel_1_T', refId: 'A' }
  for (const [interval, intervalMs] of [
    ['1w', 604_800_000],
    ['1M', 2_592_000_000],
    ['1y', 31_536_000_000],
  ] as const) {
    const body = { targets: [target], range: {}, interval, intervalMs }
    const [curve] = await sent<Answered>(at.bridge, 'query-bare', { body })
    const [newest] = await query(at.bridge, target)
    expect(curve?.datapoints.length).toBeGreaterThan(0)
    expect(curve?.datapoints.at(-1)).toEqual(newest?.datapoints.at(-1) ?? [null, 0])
  }
})

test('the JSON dialects take patterns, and list the names of nodes for a variable', async () => {
  await using at = await site()
  const names = async (...targets: string[]) =>
    (await query(at.bridge, ...targets)).map(({ target }) => target)
  expect(await names('LSA21OQ::*')).toEqual(['LSA21OQ::Channel_1_T', 'LSA21OQ::Channel_2_T'])
  expect(await names('(LSA21OQ|LSA22HA)::Channel_?_T')).toHaveLength(4)
  expect(await names('nothing::*', 'LSA21OQ::Channel_1_T')).toEqual(['LSA21OQ::Channel_1_T'])
  const body = { target: 'nodes' } as Recorded['body']
  expect(await sent<string[]>(at.bridge, 'search-text', { body })).toEqual(['LSA21OQ', 'LSA22HA'])
})
