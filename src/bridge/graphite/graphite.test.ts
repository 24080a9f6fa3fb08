import { expect, test } from 'bun:test'
import { ownClock } from '../../../test/own-clock.ts'
import { MemoryHub } from '../../bus/memory.ts'
import thermometry from '../../datanode/thermometry.ts'
import { type Bridge, startBridge } from '../bridge.ts'
import { until } from '../lab.test-aid.ts'
import {
  askedOf,
  FULL,
  oneThermometer,
  ROOT,
  recorded,
  send,
  silentNode,
  siteWith,
} from '../site.test-aid.ts'

const site = () => siteWith(thermometry)

interface Line {
  target: string
  tags: Record<string, string>
  datapoints: [number | null, number][]
}
const sent = async <T>(bridge: Bridge, name: string): Promise<T> => {
  const answer = await send(bridge, recorded(name))
  expect(answer.status).toBe(200)
  return (await answer.json()) as T
}
const draw = (bridge: Bridge, ...targets: string[]) =>
  fetch(`${bridge.url}/graphite/render`, {
    method: 'POST',
    body: new URLSearchParams([
      ...targets.map((target): [string, string] => ['target', target]),
      ['from', '-1h'],
    ]),
  })
const drawn = async (bridge: Bridge, ...targets: string[]) =>
  (await (await draw(bridge, ...targets)).json()) as Line[]
const find = async ({ url }: Bridge, pattern: string) => {
  const answer = await fetch(`${url}/graphite/metrics/find?query=${encodeURIComponent(pattern)}`)
  return ((await answer.json()) as { id: string }[]).map(({ id }) => id)
}

test('/metrics/find: nodes, then metrics; by GET and by form; several values of a variable', async () => {
  await using at = await site()
  expect(await sent<unknown>(at.bridge, 'graphite-find-9.3')).toEqual([
    { text: 'LSA21OQ', id: 'LSA21OQ', leaf: 0, expandable: 1, allowChildren: 1 },
    { text: 'LSA22HA', id: 'LSA22HA', leaf: 0, expandable: 1, allowChildren: 1 },
  ])
  expect(await sent<unknown>(at.bridge, 'graphite-find-12')).toEqual([
    { text: 'Channel_1_T', id: 'LSA21OQ.Channel_1_T', leaf: 1, expandable: 0, allowChildren: 0 },
    { text: 'Channel_2_T', id: 'LSA21OQ.Channel_2_T', leaf: 1, expandable: 0, allowChildren: 0 },
  ])
  const several = await sent<{ id: string }[]>(at.bridge, 'graphite-find-several')
  expect(several.map(({ id }) => id)).toEqual(['LSA21OQ.Channel_1_T', 'LSA22HA.Channel_1_T'])
  expect(await sent<unknown>(at.bridge, 'graphite-expand')).toEqual({
    results: ['LSA21OQ.Channel_2_T', 'LSA22HA.Channel_2_T'],
  })
  expect(await find(at.bridge, 'LSA2[12]??.Channel_[!1]_T')).toEqual([
    'LSA21OQ.Channel_2_T',
    'LSA22HA.Channel_2_T',
  ])
  for (const pattern of ['', '*.*.*', 'nothing.*', '{}', '{}.*', '[', '**}']) {
    expect([pattern, await find(at.bridge, pattern)]).toEqual([pattern, []])
  }
})

test('/render: seconds, tags that tell curves apart, no more points than fit, targets in order', async () => {
  await using at = await site()
  const lines = await sent<Line[]>(at.bridge, 'graphite-render-12')
  expect(lines.map(({ target, tags }) => [target, tags])).toEqual([
    [
      'LSA21OQ.Channel_1_T A',
      { name: 'LSA21OQ.Channel_1_T', node: 'LSA21OQ', field: 'Channel_1_T', unit: 'K' },
    ],
    [
      'scale(LSA21OQ.Channel_2_T,1000) B',
      { name: 'scale(LSA21OQ.Channel_2_T,1000)', node: 'LSA21OQ', field: 'Channel_2_T', unit: 'K' },
    ],
  ])
  const [plain, scaled] = lines.map(({ datapoints }) => datapoints)
  expect(plain?.length).toBeGreaterThan(300)
  expect(plain?.length).toBeLessThanOrEqual(684)
  expect(plain?.every(([, t]) => t > at.newest - 300 && t < at.newest + 0.001)).toBe(true)
  expect(plain?.every(([value]) => value !== null && value < 10)).toBe(true)
  expect(scaled?.every(([value]) => value !== null && value > 1000)).toBe(true)
})

test('/render: relative times, wildcards, by GET too', async () => {
  await using at = await site()
  const old = await sent<Line[]>(at.bridge, 'graphite-render-9.3')
  expect(old.map(({ target }) => target)).toEqual([
    'LSA21OQ.Channel_1_T',
    'LSA21OQ.Channel_2_T',
    'calibrated',
  ])
  expect(old.every(({ datapoints }) => datapoints.length > 300)).toBe(true)
  const got = await sent<Line[]>(at.bridge, 'graphite-render-get')
  expect(got.map(({ target }) => target)).toEqual([
    'offset(LSA21OQ.Channel_1_T,-4)',
    'offset(LSA21OQ.Channel_2_T,-4)',
  ])
  expect(got[0]?.datapoints.length).toBeGreaterThan(FULL)
  expect(got[0]?.datapoints.every(([value]) => Math.abs(value ?? 9) < 1.1)).toBe(true)
})

test('/render: repeated panels, variables with several values and with none', async () => {
  await using at = await site()
  const lines = await sent<Line[]>(at.bridge, 'graphite-render-variables')
  expect(lines.map(({ target }) => target)).toEqual([
    'LSA22HA.Channel_1_T A',
    'LSA22HA.Channel_2_T A',
    'LSA21OQ.Channel_1_T B',
    'LSA22HA.Channel_1_T B',
  ])
  expect(await drawn(at.bridge, '{LSA21OQ.Channel_1_T,LSA22HA.Channel_2_T}')).toHaveLength(2)
})

test('/render: one bad target leaves the others whole, and is named', async () => {
  await using at = await site()
  const answer = await send(at.bridge, recorded('graphite-render-one-bad'))
  expect(answer.status).toBe(200)
  expect(((await answer.json()) as Line[]).map(({ target }) => target)).toEqual(['LSA21OQ.Channel_1_T'])
  expect(answer.headers.get('x-ocs-left-out')).toContain(
    'the function "holtWintersForecast" is not known here',
  )
  expect(answer.headers.get('x-ocs-left-out')).toContain('a quote is not closed')
  await send(at.bridge, recorded('graphite-render-one-bad'))
  expect(at.log.filter((line) => line.includes('holtWintersForecast'))).toHaveLength(1)

  await draw(at.bridge, 'LSA21OQ.*', 'scale(\nerror: forged')
  expect(at.log.some((line) => line.includes('\n'))).toBe(false)
  for (const [target, text] of [
    ['holtWinters(LSA21OQ.*, 10)', 'the function "holtWinters" is not known here; known are: alias, '],
    ['movingAvrage(LSA21OQ.*, 10)', 'is not known here; did you mean movingAverage? known are: alias, '],
    ['movingAverage(LSA21OQ.*, "10 minuets")', 'windowSize is a number of points, or a time span in quotes'],
    ['movingAverage(LSA21OQ.*, 0)', 'windowSize is a number of points'],
    [
      'movingAverage(LSA21OQ.*, 1, 0.5, 3)',
      'too many: movingAverage(seriesList, windowSize, [xFilesFactor])',
    ],
    ['summarize(LSA21OQ.*, "1h", "averge")', 'func is one of average, avg, '],
    ['summarize(timeShift(LSA21OQ.*, "1y"), "x")', 'intervalString is a time span in quotes'],
    ['sumSeries()', 'sumSeries: seriesLists is missing (a metric, or a function of metrics)'],
    ['divideSeries(LSA21OQ.Channel_1_T, LSA21OQ.*)', 'divisorSeries must be one line, not 2'],
    ['divideSeries(LSA21OQ.*, 2)', 'divisorSeries is a metric, or a function of metrics, not "2"'],
    ['scale(LSA21OQ.*)', 'scale: factor is missing (a number)'],
    ['scale(LSA21OQ.*, x)', 'factor is a number, not "x": scale(seriesList, factor)'],
    ['alias(LSA21OQ.*, 1)', 'text in quotes'],
    ['aliasByNode(LSA21OQ.*, "x")', 'is a node of the name'],
    ['aliasSub(LSA21OQ.*, "(", "x")', 'missing closing )'],
    ['alias()', 'alias: seriesList is missing'],
    ['aliasByTags(LSA21OQ.*)', 'tags is missing (the name of a tag'],
    ['5', 'is not a metric'],
    [
      'LSA21OQ.Chanel_1_T',
      '"LSA21OQ.Chanel_1_T": LSA21OQ has no metric "Chanel_1_T" (did you mean Channel_1_T?); there are Channel_1_T, Channel_2_T',
    ],
    [
      'scale(LSA21Q.Channel_1_T, 2)',
      'no data node is called "LSA21Q" (did you mean LSA21OQ?); there are LSA21OQ, LSA22HA',
    ],
    ['LSA21OQ', '"LSA21OQ" is not a metric: a metric is NAME.field, as in LSA21OQ.*'],
    ['operations.ls240.acqq', 'operations.ls240 has no metric "acqq" (did you mean acq?); there are acq'],
    ['LSA21OQ.Channel_1_T=3', '"=" cannot be in a name: a metric is NAME.field'],
    ['LSA21OQ.Channel_1_T|scale(2)', '"|" cannot be in a name'],
    ['$agent.Channel_1_T', '"$" cannot be in a name'],
    ['LSA21OQ.{Chanel_1_T}', ''],
    ['nothing.*', ''],
    ['alias(LSA21OQ.*, "x") x', 'there is text left over'],
    [`${'scale('.repeat(40)}a.b`, 'nested too deep'],
    [`${'{*a,*b,*c,*d,*e,*f,*g,*h,*i,*j}'.repeat(4)}.x`, ''],
  ] as const) {
    const refused = await draw(at.bridge, target)
    const { error } = (await refused.json()) as { error?: string }
    expect([target, refused.status, error?.includes(text) ?? true]).toEqual([target, text ? 400 : 200, true])
  }
})

test('/render: a data node that does not run, and one that nobody knows of without the hub, are no fault of a panel', async () => {
  await using at = await site()
  const seen = async () => {
    const answer = await draw(at.bridge, 'scale(LSA22HA.Channel_1_T, 2)')
    return [answer.status, await answer.json(), answer.headers.get('x-ocs-left-out')]
  }
  await at.stopNode('LSA22HA')
  const gone = await until(seen, ([, , why]) => why !== null)
  expect(gone).toEqual([200, [], '"LSA22HA.Channel_1_T": its data node does not run'])
  at.lab.hub.stop()
  const away = await until(seen, ([, , why]) => String(why).includes('hub'))
  expect(away).toEqual([200, [], '"LSA22HA.Channel_1_T": the hub is away'])
})

test('/render: the functions, in each other', async () => {
  await using at = await site()
  const one = 'LSA21OQ.Channel_1_T'
  const targets = [
    `aliasByNode(scale(offset(${one}, 1), 2), 1)`,
    `aliasByNode(${one}, -1, 0)`,
    `aliasByTags(${one}, "field", "unit", "none")`,
    `aliasSub(${one}, '^(\\w+)\\.Channel_(\\d)_T$', '\\2 of \\1')`,
    `aliasSub(alias(${one}, "a, (b) \\"c\\""), "[ab]", "<\\g<0>>")`,
    ` scale( ${one} , 1e-3 ) `,
    'constantLine(-5.5)',
  ]
  const lines = await drawn(at.bridge, ...targets)
  expect(lines.map(({ target }) => target)).toEqual([
    'Channel_1_T',
    'Channel_1_T.LSA21OQ',
    'Channel_1_T.K',
    '1 of LSA21OQ',
    '<a>, (<b>) "c"',
    `scale(${one},0.001)`,
    'constantLine(-5.5)',
  ])
  const plain = (await drawn(at.bridge, one))[0]?.datapoints ?? []
  const by = new Map(plain.map(([value, t]) => [t, value ?? Number.NaN]))
  const compared = lines[0]?.datapoints.filter(([, t]) => by.has(t)) ?? []
  expect(compared.length).toBeGreaterThan(FULL / 2)
  for (const [value, t] of compared) expect(value).toBeCloseTo(2 * ((by.get(t) ?? 0) + 1), 9)
  const kinds = (await drawn(at.bridge, one, one, one)).map(({ tags }) => JSON.stringify(tags))
  expect(new Set(kinds).size).toBe(3)
})

test('/render: rates of what is thinned are those of means, not of lowest and highest values in turn', async () => {
  await using at = await site()
  const rates = async (points: number) => {
    const body = new URLSearchParams({
      target: 'scaleToSeconds(derivative(LSA21OQ.Channel_1_T), 1)',
      from: '-5min',
    })
    body.set('maxDataPoints', String(points))
    const [line] = (await (
      await fetch(`${at.bridge.url}/graphite/render`, { method: 'POST', body })
    ).json()) as Line[]
    expect(line?.tags['unit']).toBe('K/s')
    return line?.datapoints.flatMap(([value]) => value ?? []) ?? []
  }
  // The curve is sin(i / 300) at 10 Hz, so its slope is at most 1/30 per second.
  for (const points of [40, 200]) {
    const some = await rates(points)
    expect(some.length).toBeGreaterThan(points / 4)
    expect(Math.max(...some.map(Math.abs))).toBeLessThan(1.05 / 30)
  }
})

test('/render: what is thinned is averaged before it is derived: noise is no rate', async () => {
  using _ = ownClock()
  await using at = await oneThermometer()
  const now = Math.floor(Date.now() / 1000)
  for (let i = 0; i < 3000; i++)
    at.feed.publish('temps', now - 300 + i / 10, { Channel_1_T: 4 + (i % 2 === 0 ? 0.1 : 0) })
  const rate = async () => {
    const body = new URLSearchParams({
      target: 'scaleToSeconds(derivative(N.Channel_1_T), 1)',
      from: '-5min',
      maxDataPoints: '40',
    })
    const answer = await fetch(`${at.bridge.url}/graphite/render`, { method: 'POST', body })
    const [line] = answer.ok ? ((await answer.json()) as Line[]) : []
    return line?.datapoints.flatMap(([value]) => value ?? []) ?? []
  }
  const rates = await until(rate, (got) => got.length > 10)
  expect(Math.max(...rates.map(Math.abs))).toBeLessThan(0.01)
})

test('/render: null for NaN, 0 and 1 for booleans, no texts', async () => {
  using _ = ownClock()
  await using at = await oneThermometer()
  const { bridge, feed } = at
  const now = Math.floor(Date.now() / 1000) - 10
  feed.publish('temps', now + 0.25, { Channel_1_T: Number.NaN, on: true, range: 'high' })
  feed.publish('temps', now + 1, { Channel_1_T: 4.2, on: false, range: 'low' })
  const lines = await until(
    () => drawn(bridge, 'N.*'),
    (got) => got[0]?.datapoints.length === 2,
  )
  expect(lines.map(({ target, datapoints }) => [target, datapoints])).toEqual([
    [
      'N.Channel_1_T',
      [
        [null, now + 0.25],
        [4.2, now + 1],
      ],
    ],
    [
      'N.on',
      [
        [1, now + 0.25],
        [0, now + 1],
      ],
    ],
  ])
})

test('Save & test, and what the editor asks', async () => {
  await using at = await site()
  const [line] = await sent<Line[]>(at.bridge, 'graphite-save-and-test')
  expect(line?.target).toBe('constantLine(100)')
  expect(line?.datapoints.map(([value]) => value)).toEqual([100, 100, 100])
  const functions = await sent<Record<string, { function: string; params: unknown[] }>>(
    at.bridge,
    'graphite-functions',
  )
  expect(Object.keys(functions)).toContain('constantLine')
  expect(functions['perSecond']).toEqual({
    name: 'perSecond',
    function: 'perSecond(seriesList, [maxValue], [minValue])',
    description: expect.stringContaining('per second'),
    module: 'ocs',
    group: 'Transform',
    params: [
      { name: 'seriesList', type: 'seriesList', required: true },
      { name: 'maxValue', type: 'float' },
      { name: 'minValue', type: 'float' },
    ],
  } as never)
  expect(await sent<unknown>(at.bridge, 'graphite-version')).toBe('1.1.10')
  expect(await sent<unknown>(at.bridge, 'graphite-tags')).toEqual([])
  expect(await sent<unknown>(at.bridge, 'graphite-tag-values')).toEqual([])
})

test('a node that restarts goes on drawing; a dead one costs only its own curves', async () => {
  await using at = await site()
  const node = await at.lab.run(thermometry, 'node-X', { target: 'ls240', name: 'X' })
  const length = async () =>
    (await drawn(at.bridge, 'X.Channel_1_T', 'LSA21OQ.Channel_1_T')).map((line) => line.datapoints.length)
  await until(length, (got) => got.length === 2 && got.every((count) => count >= FULL))
  await node.stop()
  expect(await length()).toHaveLength(1)
  await at.lab.run(thermometry, 'node-X', { target: 'ls240', name: 'X' })
  await until(length, (got) => got.length === 2 && got.every((count) => count >= FULL))
})

test('forms are read from Grafana and from no page of another site; times and formats are checked', async () => {
  const bus = new MemoryHub().connect('bridge')
  const bridge = await startBridge({ bus, root: ROOT, listen: { host: '127.0.0.1', port: 0 }, log() {} })
  const post = async (query: string, headers: Record<string, string> = {}) => {
    const type = 'application/x-www-form-urlencoded'
    const answer = await fetch(`${bridge.url}/graphite/render`, {
      method: 'POST',
      headers: { 'content-type': type, ...headers },
      body: query,
    })
    return [answer.status, ((await answer.json()) as { error?: string }).error]
  }
  expect(await post('target=a.*')).toEqual([200, undefined])
  expect(await post('')).toEqual([200, undefined])
  expect(await post('target=a.*', { 'sec-fetch-site': 'cross-site' })).toEqual([403, expect.any(String)])
  expect(await post('target=a.*', { 'content-type': 'application/json' })).toEqual([415, expect.any(String)])
  expect(await post('target=a.*&format=png')).toEqual([400, 'format=png: only json is served'])
  expect(await post('target=a.*&from=soon')).toEqual([400, expect.stringContaining('from=soon')])
  const forms = 'not a time: write unix seconds, now, -1h, 08:00_20261123 or 2026-11-23T08:00:00Z'
  for (const time of ['1795415400123', 'midnight', 'now/d'])
    expect(await post(`target=a.*&from=${time}`)).toEqual([400, `from=${time}: ${forms}`])
  expect(await post('target=a.*&from=-1h&until=-2h')).toEqual([400, 'from is after until'])
  expect(await post('target=a.*&maxDataPoints=x&cacheTimeout=60')).toEqual([200, undefined])
  expect(await post(`${'target=a.*&'.repeat(201)}`)).toEqual([400, 'more than 200 targets in one request'])
  const json = await fetch(`${bridge.url}/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'a=b',
  })
  expect(json.status).toBe(415)
  await bridge.close()
})

test('a node that never answers costs its own curves and 2 s, and nothing where it is not meant', async () => {
  await using at = await site()
  const asked = await askedOf(at)
  await silentNode(at.lab.hub, 'SLOW')
  expect(await drawn(at.bridge, 'LSA*.Channel_1_T')).toHaveLength(2)
  expect(await find(at.bridge, '*')).toEqual(['LSA21OQ', 'LSA22HA', 'SLOW'])
  expect(asked.some(({ instance }) => instance === 'node-SLOW')).toBe(false)
  const lines = await drawn(at.bridge, '*.Channel_1_T')
  expect(lines.map(({ datapoints }) => datapoints.length >= FULL)).toEqual([true, true])
  expect(at.log.some((line) => line.includes('node-SLOW did not answer within 2 s'))).toBe(true)
  const metrics = await (await fetch(`${at.bridge.url}/metrics`)).text()
  expect(metrics.match(/^ocs_value\{/gm)).toHaveLength(4)
  expect(at.log.filter((line) => line.startsWith('data node SLOW:'))).toHaveLength(1)
})
