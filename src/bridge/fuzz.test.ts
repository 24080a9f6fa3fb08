import { expect, test } from 'bun:test'
import sensors from '../datanode/sensors.ts'
import thermometry from '../datanode/thermometry.ts'
import type { Bridge } from './bridge.ts'
import { FULL, query, type Recorded, recorded, recordings, siteWith } from './site.test-aid.ts'

const site = () => siteWith(thermometry)

type Random = (n: number) => number

function seeded(seed: number): Random {
  let state = seed
  return (n) => {
    state = (state * 48_271) % 2_147_483_647
    return state % n
  }
}

/** Sends what `one` makes, twenty at a time; how often each status came. */
async function flood(times: number, one: () => Promise<number>): Promise<Record<number, number>> {
  const counts: Record<number, number> = {}
  for (let done = 0; done < times; done += 20) {
    for (const status of await Promise.all(Array.from({ length: 20 }, one))) {
      counts[status] = (counts[status] ?? 0) + 1
    }
  }
  return counts
}

async function sound(bridge: Bridge, counts: Record<number, number>): Promise<void> {
  expect(Object.keys(counts).filter((status) => Number(status) >= 500)).toEqual([])
  expect(counts[200]).toBeGreaterThan(500)
  expect(counts[400]).toBeGreaterThan(500)
  const [first] = await query(bridge, 'LSA21OQ::Channel_1_T')
  expect(first?.datapoints.length).toBeGreaterThanOrEqual(FULL)
}

/** What the log holds besides targets that were left out. */
const troubles = (log: readonly string[]) => log.filter((line) => !line.startsWith('graphite: left out: '))

test('10,000 mutated requests of all dialects: never 500, and the bridge answers as before', async () => {
  await using at = await site()
  await at.lab.run(sensors, 'node-sensors', {})
  const random = seeded(20_261_123)
  const corpus = recordings.map(recorded)
  const counts = await flood(10_000, async () => {
    const { method, path, headers, body, form } = corpus[random(corpus.length)] as Recorded
    const asked = path.includes('?') || random(10) === 0 ? mutate(path, random) : path
    const where = `/${asked.replaceAll(/[\s#\\]/g, '').replace(/^\/+/, '')}`
    const type = random(20) === 0 ? { 'content-type': 'text/plain' } : {}
    const sent = { method, headers: { ...headers, ...type } }
    const text = mutate(form ?? JSON.stringify(body ?? {}), random)
    const answer = await fetch(at.bridge.url + where, method === 'GET' ? sent : { ...sent, body: text })
    await answer.arrayBuffer()
    return answer.status
  })
  await sound(at.bridge, counts)
  expect(troubles(at.log)).toEqual([])
}, 120_000)

test('5,000 Graphite targets, patterns and times from a grammar: never 500', async () => {
  await using at = await site()
  const random = seeded(1_967)
  const pick = (list: readonly string[]) => list[random(list.length)] ?? ''
  const path = () => {
    const parts = Array.from({ length: random(3) === 0 ? random(4) : 2 }, () => pick(PARTS))
    return parts.join('.')
  }
  const value = () =>
    pick(['1', '-1', '0', '1e308', '-.5', '"\\1"', `'(^.*$)'`, '"[a-"', '"(a*)*b"', 'true', path(), ''])
  const target = (depth: number): string => {
    if (depth === 0 || random(3) === 0) return path()
    const rest = Array.from({ length: random(3) }, () => `,${value()}`).join('')
    return `${pick(NAMES)}(${target(depth - 1)}${rest}${random(30) === 0 ? '' : ')'}`
  }
  const counts = await flood(5000, async () => {
    const form = new URLSearchParams()
    const find = random(5) === 0
    if (find) form.append('query', path())
    else for (let i = random(3); i >= 0; i--) form.append('target', target(random(5)))
    if (random(2) === 0)
      form.append('from', pick(['-1h', '-5min', '0', '99999999999999999', 'now', 'x', '-1', '']))
    if (random(3) === 0) form.append('until', pick(['now', '-1h', '1e9', '20261123']))
    if (random(3) === 0) form.append('maxDataPoints', pick(['1', '0', '-5', '1e99', 'NaN', '684']))
    const where = `${at.bridge.url}/graphite/${find ? 'metrics/find' : 'render'}`
    const answer = await fetch(where, { method: 'POST', body: form })
    await answer.text()
    return answer.status
  })
  await sound(at.bridge, counts)
  expect(troubles(at.log)).toEqual([])
  expect(at.log.length).toBeLessThanOrEqual(100)
}, 120_000)

const PARTS = [
  'LSA21OQ',
  'LSA22HA',
  '*',
  'Channel_1_T',
  '{Channel_1_T,Channel_2_T}',
  '{LSA21OQ,*}',
  'Ch*',
  '[',
  '[!a]*',
  '{',
  '}',
  '',
  '__proto__',
  '?'.repeat(11),
]
const NAMES = [
  'alias',
  'aliasSub',
  'aliasByNode',
  'scale',
  'offset',
  'constantLine',
  'sumSeries',
  '',
  '__proto__',
  'toString',
]

const BITS = [
  'null',
  '-1',
  '1e999',
  '{}',
  '[]',
  '"',
  '\\',
  '(',
  ')',
  '|',
  '::',
  '\u0000',
  '💥',
  '__proto__',
  'a'.repeat(5000),
  '9'.repeat(400),
]

function mutate(text: string, random: (n: number) => number): string {
  let result = text
  for (let times = random(4); times > 0; times--) {
    const at = random(result.length + 1)
    const cut = random(3) === 0 ? random(40) : random(3)
    const bit = random(2) === 0 ? (BITS[random(BITS.length)] ?? '') : String.fromCharCode(random(256))
    result = result.slice(0, at) + bit + result.slice(at + cut)
  }
  return random(4) === 0
    ? result.replaceAll(/"(\w+)":/g, () => `"${['range', 'targets', 'target', 'from'][random(4)]}":`)
    : result
}
