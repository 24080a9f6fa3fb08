import { join } from 'node:path'
import { until } from '../../test/real/roles.ts'
import { influxdb, startInflux } from '../anchors/influxdb.ts'
import type { Bench, Bencher, Figures } from '../bench.ts'
import { most, ratioMost } from '../goal.ts'
import { startHub } from '../hubs.ts'
import { type BenchLab, freePort, stopped } from '../lab.ts'
import { connectCaller, fillSpool } from '../product.ts'
import { oneRow, startOn, stateOf } from '../site.ts'
import { quantile } from '../statistics.ts'

const [TARGETS, HERTZ, HOUR] = [20, 10, 3600]
/** Points of a panel; each interval shows its lowest and its highest value. */
const POINTS = 1000
const names = Array.from({ length: TARGETS }, (_, i) => `channel_${i}`)
const value = (at: number, n: number) => at + Math.sin(n / 500) + ((n * 7919) % 1000) / 1e4

const goal = { of: 'ratio', most: 0.2 } as const
const row = (work: string, figure: string) => ({
  work: `/query, ${TARGETS} targets × 1 h at ${HERTZ} Hz, ${work}`,
  figure,
  unit: 'ms',
  against: 'InfluxDB',
})

export const query: Bench = {
  name: 'query',
  help: `a panel of ${TARGETS} targets and an hour of ${HERTZ} Hz, beside InfluxDB asked for the same`,
  how: 'released: datanode thermometry and bridge, POST /query; InfluxDB: one request of 20 statements, min and max of the same intervals, answers read as JSON on both sides; warm is after 60 panels; cold is the first panel after their processes have started',
  anchors: [influxdb],
  rounds: 3,
  rows: [
    { ...row('warm p50', 'p50'), goal },
    row('warm p99', 'p99'),
    { ...row('warm p99 alone', 'p99'), goal: most(30) },
    { ...row('cold', 'cold'), goal: ratioMost(0.4) },
  ],
  async run(bench) {
    const { lab } = bench
    const rows = bench.size(HOUR, 60) * HERTZ
    const end = Math.floor(Date.now() / 1000)
    const timeOf = (n: number) => end - rows / HERTZ + n / HERTZ
    const hub = await startHub(lab, true)
    const declared = Object.fromEntries(names.map((name) => [name, { type: 'double' as const }]))
    const declaration = {
      agent_class: 'OneRowAgent',
      record: true,
      frame_length: 60,
      blocks: { temps: declared },
    }
    const past = Array.from({ length: rows }, (_, n) => ({
      t: timeOf(n),
      data: Object.fromEntries(names.map((name, at) => [name, value(at, n)])),
    }))
    await fillSpool(join(stateOf(lab, hub.url), 'observatory', 'rows.sqlite'), 'rows', declaration, past)
    await startOn(lab, hub.url, [oneRow('rows', HERTZ, '--channels', String(TARGETS))], {
      released: true,
    })
    const asked: Asked = { bench, start: timeOf(0), end: end, rows }
    const influx = bench.has(influxdb) ? await fillInflux(asked, past) : ''
    return bench.interleave({
      ocs: () => ours(asked, hub.url),
      InfluxDB: influx === '' ? undefined : () => theirs(asked, influx),
    })
  },
}

interface Asked {
  readonly bench: Bencher
  /** Unix s. */
  readonly start: number
  readonly end: number
  readonly rows: number
}
/** A panel: the number of points of each of its curves. */
type Panel = () => Promise<number[]>

/** Measures the first panel, and many more. */
async function measure(name: string, { bench, rows }: Asked, panel: Panel): Promise<Figures> {
  const timed = async () => {
    const begun = performance.now()
    const curves = await panel()
    const took = performance.now() - begun
    bench.count(`${name}: curves`, curves.length, TARGETS)
    const least = Math.min(rows, POINTS) / 4
    bench.count(`${name}: curves with points`, curves.filter((points) => points >= least).length, TARGETS)
    return took
  }
  const cold = await timed()
  // The first fifty compile (decision 0043).
  for (let i = 0; i < bench.size(60, 1); i++) await timed()
  const warm: number[] = []
  for (let i = 0; i < bench.size(100, 2); i++) warm.push(await timed())
  return { cold, p50: quantile(warm, 0.5), p99: quantile(warm, 0.99) }
}

async function ours(asked: Asked, url: string): Promise<Figures> {
  const { bench, start, end } = asked
  const { lab } = bench
  const listen = `127.0.0.1:${await freePort()}`
  const site = ['--site-hub', url, '--state-dir', lab.path('state-node')]
  const args = [
    '--target',
    'rows',
    '--feed',
    'rows',
    '--name',
    'NODE',
    '--description',
    'bench',
    '--buffer-time',
    '4500',
  ]
  const node = lab.launch('node', ['datanode', 'thermometry', ...args, ...site])
  const bridge = lab.launch('bridge', ['bridge', '--site-hub', url, '--listen', listen])
  await bridge.says('transport connected', 40)
  await node.says('session joined', 40)
  await hasThePast(url, start + (end - start) / 10, bench.lab.env)
  const body = JSON.stringify({
    range: { from: new Date(1000 * start).toISOString(), to: new Date(1000 * end).toISOString() },
    intervalMs: 1000,
    maxDataPoints: POINTS,
    targets: names.map((name, i) => ({ target: `NODE::${name}`, refId: `A${i}`, type: 'timeserie' })),
  })
  const figures = await measure('ocs', asked, async () => {
    const answer = await fetch(`http://${listen}/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    const curves = (await answer.json()) as { datapoints: unknown[] }[]
    return curves.map(({ datapoints }) => datapoints.length)
  })
  await Promise.all([node, bridge].map((role) => stopped(role)))
  return figures
}

/**
 * Waits until the data node has fetched the content of the agent's spool: asks for two points of one field.
 */
async function hasThePast(url: string, start: number, env: BenchLab['env']): Promise<void> {
  const { ask, end } = await connectCaller(url, `bench-${crypto.randomUUID().slice(0, 8)}`, env)
  await until('the data node has the hour', 60, async () => {
    const params = { fields: ['channel_0'], start, end: start + 10, max_points: 2 }
    const answer = (await ask.query('node-NODE', 'get_data', params).catch(() => undefined)) as
      | { data: Record<string, unknown[]> }
      | undefined
    return (answer?.data['channel_0']?.length ?? 0) > 0
  })
  await end()
}

async function fillInflux(
  { bench }: Asked,
  past: readonly { t: number; data: Readonly<Record<string, number>> }[],
): Promise<string> {
  const dir = bench.lab.path('influx')
  const { url, running } = await startInflux(bench.lab, dir)
  await fetch(`${url}/query?q=${encodeURIComponent('CREATE DATABASE ocs_feeds')}`, { method: 'POST' })
  for (let i = 0; i < past.length; i += 5000) {
    // In the form of OCS's publisher: the agent's address, with the feed as a tag.
    const lines = past.slice(i, i + 5000).map(({ t, data }) => {
      const fields = Object.entries(data).map(([name, value]) => `${name}=${value}`)
      return `observatory.rows,feed=rows ${fields.join(',')} ${Math.round(1000 * t)}`
    })
    const answer = await fetch(`${url}/write?db=ocs_feeds&precision=ms`, {
      method: 'POST',
      body: lines.join('\n'),
    })
    if (!answer.ok) throw new Error(`InfluxDB: ${answer.status} ${await answer.text()}`)
  }
  await stopped(running)
  return dir
}

async function theirs(asked: Asked, dir: string): Promise<Figures> {
  const { url, running } = await startInflux(asked.bench.lab, dir)
  const interval = Math.round((2000 * (asked.end - asked.start)) / POINTS)
  const [from, to] = [asked.start, asked.end].map((t) => `${Math.round(1000 * t)}ms`)
  const statements = names.map(
    (name) =>
      `SELECT min("${name}"), max("${name}") FROM "observatory.rows" WHERE "feed" = 'rows' AND time >= ${from} AND time <= ${to} GROUP BY time(${interval}ms) fill(none)`,
  )
  const search = new URLSearchParams({ db: 'ocs_feeds', epoch: 'ms', q: statements.join(';') })
  const figures = await measure('InfluxDB', asked, async () => {
    const answer = await fetch(`${url}/query`, { method: 'POST', body: search })
    const { results } = (await answer.json()) as { results: { series?: { values: unknown[] }[] }[] }
    return results.map(({ series }) => 2 * (series?.[0]?.values.length ?? 0))
  })
  await stopped(running)
  return figures
}
