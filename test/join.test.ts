/** One metric over live and recorded data: each sample once, however much of it a live node still has. */
import { afterEach, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import aggregator from '../src/agents/aggregator.ts'
import { graphiteNames } from '../src/bridge/graphite/names.ts'
import { fill, testLab, thermometer, until } from '../src/bridge/lab.test-aid.ts'
import archive from '../src/datanode/g3-archive.ts'
import thermometry from '../src/datanode/thermometry.ts'
import { catalogOf } from '../src/lab/catalog.ts'
import { ask } from '../src/lab/fetch-curves.ts'
import { viewLab } from '../src/lab/lab-view.ts'
import { findNodes } from '../src/lab/nodes.ts'
import { cleanUp, folder } from '../src/storage/recorder/recorder.test-aid.ts'
import { ownClock } from './own-clock.ts'

afterEach(cleanUp)

const SECONDS = 300
const HERTZ = 10
/** How far back each live node remembers, s: one seam each. */
const KEPT = [30, 77.7, 150, 3600]
const FIELDS = ['Channel_1_T', 'Channel_2_T']

test('samples of live nodes and of the archive: none missing, none twice, over rotations and seams', async () => {
  using _ = ownClock()
  await using lab = testLab()
  const data = join(folder(), 'data')
  const spool = lab.spool('ls240')
  const last = await fill(spool, SECONDS, 2)
  const first = last - (SECONDS * HERTZ - 1) / HERTZ
  const { agent, temperatures } = thermometer()
  await lab.run(agent, 'ls240', {}, spool)
  await lab.run(aggregator, 'aggregator', { data_dir: data, frame_length: 2, time_per_file: 20 })
  const feed = await temperatures
  const bus = lab.hub.connect('bridge')
  const root = 'observatory'
  await using view = await viewLab(bus, root)
  const nodes = await findNodes({ bus, root, lab: view }, (text) => lab.lines.push(text))
  const keepers = await Promise.all(
    KEPT.map((seconds, i) =>
      lab.run(thermometry, `node-${i}`, { target: 'ls240', name: `keeps${i}`, buffer_time: seconds }),
    ),
  )
  await lab.run(archive, 'archive', { data_dir: data, index_dir: folder() })

  const truth = Array.from({ length: SECONDS * HERTZ }, (_, i) => first + i / HERTZ)
  const valueAt = (i: number, at: number) => 4 + Math.sin(i / 300 + at) + i / 1e7
  const curves = async (name: string, from = first - 10, to = Date.now() / 1000) => {
    const metrics = FIELDS.map((field) => ({ text: `${name}::${field}`, node: name, field }))
    const found = await ask(nodes, metrics, { from: from * 1000, to: to * 1000, points: 20_000 })
    return metrics.map((metric) => found(metric) ?? { about: { units: null }, t: [], values: [] })
  }
  const agree = ([one, other]: Awaited<ReturnType<typeof curves>>) =>
    one?.t.length === truth.length && other?.t.length === truth.length

  for (const i of KEPT.keys()) {
    const [one, other] = await until(() => curves(`keeps${i}`), agree)
    for (const [at, curve] of [one, other].entries()) {
      expect(curve?.t).toEqual(truth)
      expect(curve?.values).toEqual(truth.map((_, n) => valueAt(n, at)))
      expect(curve?.about.units).toBe('K')
    }
  }
  expect(
    readdirSync(data, { recursive: true }).filter((path) => String(path).endsWith('.g3')).length,
  ).toBeGreaterThan(10)

  // New samples are there at once, and once: the seams move along.
  for (let n = 0; n < 50; n++) {
    const time = Date.now() / 1000
    if (time <= (truth.at(-1) ?? 0)) continue
    truth.push(time)
    feed.publish('temps', time, { Channel_1_T: n, Channel_2_T: -n })
    const [one, other] = await until(() => curves('keeps0', first - 10, time), agree)
    expect(one?.t).toEqual(truth)
    expect(other?.t).toEqual(truth)
  }

  // Any span: two parts together have the same samples as the whole.
  for (const middle of [first + 5, last - 29, last - 31, last - 100, last]) {
    const [[older], [newer]] = [await curves('keeps0', first, middle), await curves('keeps0', middle)]
    // A sample exactly in the middle, as a double, may be in either part or in both.
    const end = older?.t.at(-1) ?? 0
    expect([...(older?.t ?? []), ...(newer?.t ?? []).filter((t) => t > end)]).toEqual(truth)
  }

  // The archive does not list fields that a live node shows, but it answers for them under its own name.
  const all = catalogOf(nodes)
  const names = graphiteNames(nodes, all)
  expect((await all.all()).map(({ node }) => node)).not.toContain('archive')
  expect((await names.find('*')).map(({ text }) => text)).toEqual(KEPT.map((_, i) => `keeps${i}`))
  expect(await names.leaves('archive.*')).toEqual([])
  expect(await names.leaves('archive.ls240_temperatures_Channel_1_T')).toHaveLength(1)

  // The past of a node that is gone stays listed under its name; a node that no archive has is not listed.
  await keepers[0]?.stop()
  const catalog = catalogOf(nodes)
  const listed = await until(
    async () => (await catalog.all()).map(({ text }) => text),
    () => nodes.find('keeps0')?.away === true,
  )
  expect(listed).toContain('keeps0::Channel_1_T')
  const [past] = await curves('keeps0')
  expect(past?.t.length).toBeGreaterThan(SECONDS * HERTZ * 0.9)
  expect(past?.t).toEqual(truth.slice(0, past?.t.length))
})
