import { expect, test } from 'bun:test'
import { seeded } from '../../test/random.ts'
import sensors from '../datanode/sensors.ts'
import thermometry from '../datanode/thermometry.ts'
import type { Bridge } from './bridge.ts'
import { flood, graphiteRequests, mutatedRequests } from './fuzz.test-aid.ts'
import { FULL, query, siteWith } from './site.test-aid.ts'

const site = () => siteWith(thermometry)

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
  const counts = await flood(at.bridge.url, 10_000, mutatedRequests(seeded(20_261_123)))
  await sound(at.bridge, counts)
  expect(troubles(at.log)).toEqual([])
}, 120_000)

test('5,000 Graphite targets, patterns and times from a grammar: never 500', async () => {
  await using at = await site()
  const counts = await flood(at.bridge.url, 5000, graphiteRequests(seeded(1_967)))
  await sound(at.bridge, counts)
  expect(troubles(at.log)).toEqual([])
  expect(at.log.length).toBeLessThanOrEqual(100)
}, 120_000)
