/**
 * When a data source stops, every dialect shows a gap, from its live node as from recorded files; its pauses
 * are no gaps.
 */
import { afterEach, expect, test } from 'bun:test'
import { join } from 'node:path'
import { ownClock } from '../../test/own-clock.ts'
import aggregator from '../agents/aggregator.ts'
import type { FeedDeclaration } from '../core/channels.ts'
import archive from '../datanode/g3-archive.ts'
import thermometry from '../datanode/thermometry.ts'
import { cleanUp, folder } from '../storage/recorder/recorder.test-aid.ts'
import { startBridge } from './bridge.ts'
import { testLab, thermometer, until } from './lab.test-aid.ts'
import { Curve } from './page/curve.ts'
import { ROOT } from './site.test-aid.ts'

afterEach(cleanUp)

/** Seconds of data up to now, 20 min of them without samples. */
const [SECONDS, STOP, STOPPED] = [3500, 1200, 1500]
const HOUR_MS = 3_600_000

/** The sampled fields: of a diode, of a scanner with bursts, and one without a declared rhythm. */
const blocks = {
  diode: { rhythm: 0.4, times: (s: number) => Array.from({ length: s / 0.4 }, (_, i) => 0.4 * i) },
  scanned: {
    rhythm: 105,
    times: (s: number) => Array.from({ length: s }, (_, i) => i).filter((i) => i % 105 < 8),
  },
  unsaid: {
    rhythm: undefined,
    times: (s: number) => Array.from({ length: s }, (_, i) => i).filter((i) => i % 105 < 8),
  },
}

test.each([
  ['its live node', 3600],
  ['recorded files', 700],
])('over 20 min without a sample no line is drawn, of data from %s', async (_, keeps) => {
  using _clock = ownClock()
  await using lab = testLab()
  const spool = lab.spool('ls')
  const start = Date.now() / 1000 - SECONDS
  const declaration: FeedDeclaration = {
    ...{ agent_class: 'TestThermometer', record: true, frame_length: 60 },
    blocks: Object.fromEntries(
      Object.entries(blocks).map(([name, { rhythm }]) => [
        name,
        { [name]: { type: 'double' as const, units: 'K', ...(rhythm && { rhythm }) } },
      ]),
    ),
  }
  for (const [block, { times }] of Object.entries(blocks)) {
    const t = times(SECONDS).filter((at) => at < STOPPED || at > STOPPED + STOP)
    for (let i = 0; i < t.length; i += 100) {
      const part = t.slice(i, i + 100).map((at) => start + at)
      spool.append('temperatures', declaration, {
        ...{ epoch: 'filled', block, t: part },
        data: { [block]: part.map(Math.sin) },
      })
    }
    await spool.flush()
  }
  await lab.run(thermometer().agent, 'ls', {}, spool)
  const data = join(folder(), 'data')
  await lab.run(aggregator, 'aggregator', { data_dir: data, frame_length: 60, time_per_file: 600 })
  await lab.run(archive, 'archive', { data_dir: data, index_dir: folder() })
  await lab.run(thermometry, 'node', { target: 'ls', name: 'LS', buffer_time: keeps })
  const bridge = await startBridge({
    ...{ bus: lab.hub.connect('bridge'), root: ROOT, listen: { host: '127.0.0.1', port: 0 } },
    log: (text) => lab.lines.push(text),
  })
  const get = async <T>(path: string) => (await (await fetch(bridge.url + path)).json()) as T
  type Line = { target: string; datapoints: [number | null, number][] }
  const now = Date.now()
  const span = `from=${Math.floor((now - HOUR_MS) / 1000)}&until=${Math.ceil(now / 1000)}`
  const lines = await until(
    () => get<Line[]>(`/graphite/render?target=LS.*&${span}&maxDataPoints=1000`),
    (got) =>
      got.length === 3 &&
      got.every(({ datapoints }) => {
        return (datapoints[0]?.[1] ?? now) - start < 20 && datapoints.some(([, t]) => t > start + 3400)
      }),
  )
  const inStop = (t: number) => t > start + STOPPED && t < start + STOPPED + STOP
  const gaps = (points: readonly (readonly [number | null, number])[]) =>
    points.flatMap(([value, t]) => (value === null ? [inStop(t)] : []))
  for (const { target, datapoints } of lines) expect([target, gaps(datapoints)]).toEqual([target, [true]])

  const range = { from: new Date(now - HOUR_MS).toISOString(), to: new Date(now).toISOString() }
  const answer = await fetch(`${bridge.url}/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ targets: [{ target: 'LS::*' }], range, maxDataPoints: 1000 }),
  })
  const series = (await answer.json()) as Line[]
  expect(series).toHaveLength(3)
  for (const { target, datapoints } of series)
    expect([target, gaps(datapoints.map(([value, ms]) => [value, ms / 1000] as const))]).toEqual([
      target,
      [true],
    ])

  type Part = { t: number[]; values: Record<string, number[]> }
  const asked = Object.keys(blocks)
    .map((name) => `metric=LS::${name}`)
    .join('&')
  const parts = await get<Part[]>(`/page/past?${asked}&from=${now - HOUR_MS}&to=${now}&points=400`)
  const drawn = parts.map(({ t, values }, i) => {
    const curve = new Curve()
    curve.replace(t, Object.values(values)[0] ?? [])
    const { rhythm } = Object.values(blocks)[i] ?? {}
    const [times, all] = curve.drawn(start - 60, { rhythm, width: (2 * 3600) / 399 })
    return gaps(times.map((time, at) => [all[at] ?? null, time] as const))
  })
  expect(drawn).toEqual([[true], [true], [true]])

  // Rows for programs are the samples, and nothing else.
  const rows = await get<{ value: unknown }[]>(`/api/data?metric=LS::diode&from=${now - HOUR_MS}&to=${now}`)
  expect(rows.filter(({ value }) => value === null)).toEqual([])
  await bridge.close()
})
