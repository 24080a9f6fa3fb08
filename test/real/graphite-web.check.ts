/** The results of Graphite functions, compared with those of graphite-web itself for the same values. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { z } from 'zod'
import { type Bridge, startBridge } from '../../src/bridge/bridge.ts'
import { testLab, until } from '../../src/bridge/lab.test-aid.ts'
import { ROOT } from '../../src/bridge/site.test-aid.ts'
import { defineAgent } from '../../src/core/agent.ts'
import type { FeedPublisher } from '../../src/core/feed-spec.ts'
import thermometry from '../../src/datanode/thermometry.ts'
import { figure } from './roles.ts'

setDefaultTimeout(400_000)

const PYTHON = process.env['OCS_GRAPHITE_PYTHON'] ?? '/usr/bin/python3'
const SCRIPT = new URL('graphite_web.py', import.meta.url).pathname
/** Seconds that are compared; a multiple of both rhythms and of every summarized interval. */
const SECONDS = 600
const FAST = 1
const SLOW = 3

const TARGETS = [
  'scale(N.a, -2.5)',
  'offset(N.a, 10)',
  'absolute(N.a)',
  'derivative(N.a)',
  'nonNegativeDerivative(N.counter)',
  'nonNegativeDerivative(N.counter, 99)',
  'nonNegativeDerivative(N.counter, 99, 5)',
  'perSecond(N.counter)',
  'perSecond(N.slow)',
  'perSecond(N.counter, 99)',
  'scaleToSeconds(derivative(N.a), 1)',
  'scaleToSeconds(derivative(N.slow), 60)',
  'integral(N.a)',
  'keepLastValue(N.a)',
  'keepLastValue(N.a, 2)',
  'summarize(N.a, "1min")',
  'summarize(N.a, "1min", "avg")',
  'summarize(N.a, "30s", "max")',
  'summarize(N.slow, "1min", "last")',
  'summarize(N.a, "2min", "stddev")',
  'summarize(N.a, "1min", "range")',
  'summarize(N.a, "1min", "count")',
  'summarize(N.a, "1min", "median", true)',
  'movingAverage(N.a, 5)',
  'movingAverage(N.a, "30s")',
  'movingAverage(N.a, "30s", 0.9)',
  'movingMedian(N.a, 6)',
  'movingMedian(N.slow, "30s")',
  'movingMax(N.a, "1min")',
  'movingMin(N.a, 7)',
  'movingSum(N.a, "10s")',
  'timeShift(N.a, "1min")',
  'timeShift(movingAverage(N.a, "10s"), "-2min")',
  'sumSeries(N.a, N.b)',
  'sum(N.*)',
  'averageSeries(N.a, N.slow)',
  'avg(N.[ab])',
  'diffSeries(N.a, N.b, N.counter)',
  'minSeries(N.a, N.b)',
  'maxSeries(N.a, N.b)',
  'divideSeries(N.a, N.b)',
  'divideSeries(N.b, N.slow)',
  'limit(N.*, 2)',
  'sortBy(N.*)',
  'sortBy(N.*, "max", true)',
  'sortByMaxima(N.*)',
  'sortByName(N.*)',
  'perSecond(sumSeries(N.counter, scale(N.counter, 2)))',
]

interface Theirs {
  readonly target: string
  readonly start: number
  readonly step: number
  readonly values: readonly (number | null)[]
}
interface Ours {
  readonly target: string
  readonly datapoints: readonly (readonly [number | null, number])[]
}

const lab = testLab()
let bridge: Bridge
let theirs: readonly (readonly Theirs[])[]
const end = Math.floor(Date.now() / 1000 / SECONDS) * SECONDS
const from = end - SECONDS
/** Functions that look back also need the time before. */
const began = from - 300

/** A value that comes and goes, with holes of one to four samples. */
const a = (t: number) =>
  t % 37 < 1 || t % 53 < 2 || t % 71 < 4 ? Number.NaN : Math.sin(t / 17) * (1 + (t % 7))
const values: Readonly<Record<string, readonly [number, (t: number) => number]>> = {
  a: [FAST, a],
  b: [FAST, (t) => (t % 41 === 0 ? 0 : 2 + Math.cos(t / 29))],
  counter: [FAST, (t) => (t * 7) % 100],
  slow: [SLOW, (t) => Math.cos(t / 50) * 4],
}

beforeAll(async () => {
  const published = Promise.withResolvers<Record<'fast' | 'slow', FeedPublisher>>()
  const feed = (rhythm: number, ...fields: string[]) => ({
    help: 'Values.',
    record: true,
    blocks: { block: Object.fromEntries(fields.map((field) => [field, { units: 'K', rhythm }])) },
  })
  const agent = defineAgent({
    class: 'Publisher',
    help: 'Publishes what it is told to.',
    args: z.object({}),
    feeds: { fast: feed(FAST, 'a', 'b', 'counter'), slow: feed(SLOW, 'slow') },
    connect: async () => ({}),
  }).process('acq', { help: 'Publish.', startup: true }, async ({ feeds, signal }) => {
    published.resolve(feeds)
    await new Promise<void>((done) => signal.addEventListener('abort', () => done()))
  })
  await lab.run(agent, 'publisher', {}, lab.spool('publisher'))
  await lab.run(thermometry, 'node-N', { target: 'publisher', name: 'N', feed: 'all' })
  bridge = await startBridge({
    bus: lab.hub.connect('bridge'),
    root: ROOT,
    listen: { host: '127.0.0.1', port: 0 },
    log() {},
  })
  const feeds = await published.promise
  const row = (t: number, step: number) =>
    Object.fromEntries(
      Object.entries(values).flatMap(([name, [own, at]]) => (own === step ? [[name, at(t)]] : [])),
    )
  for (let t = began; t <= end; t++) {
    feeds.fast.publish('block', t, row(t, FAST))
    if (t % SLOW === 0) feeds.slow.publish('block', t, row(t, SLOW))
  }
  await until(
    () => ours('N.slow').catch(() => []),
    ([line]) => line?.datapoints.at(-1)?.[1] === end,
  )
  const series = Object.fromEntries(
    Object.entries(values).map(([name, [step, at]]) => {
      const points: [number, number | null][] = []
      for (let t = began; t <= end; t += 1)
        if (t % step === 0) points.push([t, Number.isNaN(at(t)) ? null : at(t)])
      return [`N.${name}`, { step, values: points }]
    }),
  )
  const run = spawnSync(PYTHON, [SCRIPT], {
    input: JSON.stringify({ from, until: end, series, targets: TARGETS }),
    encoding: 'utf8',
  })
  if (run.status !== 0) throw new Error(`graphite-web: ${run.stderr.slice(-2000)}`)
  theirs = JSON.parse(run.stdout) as Theirs[][]
})
afterAll(async () => {
  await bridge?.close()
  await lab[Symbol.asyncDispose]()
})

async function ours(target: string): Promise<Ours[]> {
  const body = new URLSearchParams({ target, from: String(from), until: String(end), maxDataPoints: '5000' })
  const answer = await fetch(`${bridge.url}/graphite/render`, { method: 'POST', body })
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`${target}: ${text}`)
  return JSON.parse(text) as Ours[]
}

/** graphite-web rounds rates to six digits, which we do not. */
const rounding = (target: string) => (/perSecond|scaleToSeconds/.test(target) ? 5.1e-7 : 1e-12)

test.each(TARGETS.map((target, at) => [target, at] as const))('%s', async (target, at) => {
  const expected = theirs[at] ?? []
  const got = await ours(target)
  expect(got.length).toBe(expected.length)
  let compared = 0
  for (const [i, { start, step, values: wanted }] of expected.entries()) {
    const mine = new Map(got[i]?.datapoints.map(([value, time]) => [time, value]))
    for (const [n, value] of wanted.entries()) {
      const time = start + n * step
      if (time < from || time > end || !mine.has(time)) continue
      compared++
      const own = mine.get(time) ?? null
      if (value === null || own === null) expect([time, own]).toEqual([time, value])
      else
        expect([time, Math.abs(own - value) <= rounding(target) + 1e-9 * Math.abs(value)]).toEqual([
          time,
          true,
        ])
    }
    const within = wanted.filter((_, n) => start + n * step >= from && start + n * step < end)
    expect(compared).toBeGreaterThanOrEqual(Math.floor(0.98 * within.length))
  }
  figure(`${target}: ${compared} values are those of graphite-web`)
})
