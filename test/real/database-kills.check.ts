/**
 * Each database is killed repeatedly while rows come: afterwards it has as many values of each field as `ocs
 * audit` says that it can hold. `KILLS=50` is the long run.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { expectedOf, recordedFeeds } from '../../src/sinks/recorded-feeds.ts'
import { Archive } from '../../src/storage/archive/archive.ts'
import { seeded } from '../random.ts'
import { unacknowledged } from './archive.ts'
import { influx, questdb, type RealDatabase, victoria } from './databases.ts'
import { figure, Lab, seconds, until } from './roles.ts'

const KILLS = Number(process.env['KILLS'] ?? 3)
setDefaultTimeout(600_000 + 30_000 * KILLS)
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

/** Number of points that the sink would write again if its database ended now. */
async function unsettled(lab: Lab): Promise<number | undefined> {
  const { out } = await lab.run(['ctrl', 'status', 'influx', '--json', '--site-hub', 'mqtt://127.0.0.1:1883'])
  const [view] = JSON.parse(out || '[]') as { presence?: { counters?: { unsettled?: number } } }[]
  return view?.presence?.counters?.unsettled
}

/** The expected content of a database: everything recorded that it can hold. */
async function expected(lab: Lab, { texts }: RealDatabase) {
  using archive = new Archive(lab.path('data'), lab.path('index.sqlite'), {})
  await archive.rescan(AbortSignal.timeout(60_000))
  const feeds = recordedFeeds(archive, 0, 9e9)
  const fields = await Promise.all(feeds.map((feed) => expectedOf(archive, feed, [0, 9e9])))
  return fields.flat().filter(({ field }) => texts || field !== 'word')
}

test.each([influx, victoria, questdb])(
  '$name killed again and again: it has what it can hold',
  async (database) => {
    await using lab = new Lab()
    const random = seeded(SEED)
    const flags = lab.site(
      'instance-id: mixed, agent-class: MixedAgent, arguments: [--hertz, "20"]',
      `instance-id: aggregator, agent-class: AggregatorAgent, arguments: [--data-dir, ${lab.path('data')}, --frame-length, "1"]`,
      `instance-id: influx, agent-class: InfluxDBAgent, arguments: [--host, "127.0.0.1", --port, "${database.port}"]`,
    )
    const start = (id: string, ...more: string[]) =>
      lab.start(id, ['agent', '--instance-id', id, ...flags, ...more])
    const hub = await lab.hub(...flags)
    let running = await database.start(lab)
    const recorder = start('aggregator')
    await recorder.says('launching record', 60)
    const agent = start('mixed', '--module', join(import.meta.dir, 'mixed-agent.ts'))
    const sink = start('influx')
    const said = async () => {
      const { data } = ((await lab.session('influx', 'record')) ?? {}) as {
        data?: { connected: boolean; behind: number; last_updated: number | null }
      }
      return data
    }
    await until('points are written', 30, async () => typeof (await said())?.last_updated === 'number')
    await database.settle?.()
    for (let kill = 0; kill < KILLS; kill++) {
      await seconds(0.5 + 2 * random())
      await running.kill()
      await seconds(random())
      running = await database.start(lab)
    }
    await seconds(2)
    const stopped = await lab.run(['ctrl', 'stop', 'mixed', 'acq', ...flags])
    expect([stopped.code, stopped.err]).toEqual([0, ''])
    await until('all is recorded', 30, () => unacknowledged(lab.path('state')) === 0)
    await until('all is in the database', 120, async () => {
      const data = await said()
      return data?.connected === true && data.behind === 0 && (await unsettled(lab)) === 0
    })
    for (const role of [sink, recorder, agent, hub]) expect(await role.stop()).toMatchObject({ code: 0 })

    const fields = await expected(lab, database)
    expect(fields.length).toBe(database.texts ? 5 : 4)
    const counts = async () => {
      const held: Record<string, number> = {}
      for (const field of fields) held[field.label] = await database.count(field)
      return held
    }
    const whole = Object.fromEntries(fields.map(({ label, count }) => [label, count]))
    // Written points may take a moment to be visible; there are never more than are recorded.
    await until('it is whole', 30, async () => Bun.deepEquals(await counts(), whole)).catch(() => {})
    expect(await counts()).toEqual(whole)
    figure(
      `${database.name}: ${KILLS} kills, ${Object.values(whole)[0]} samples, ${fields.length} fields whole (seed ${SEED})`,
    )
  },
)
