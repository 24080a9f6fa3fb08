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
  expect(counts[200]).toBeGreaterThan(100)
  expect(counts[400]).toBeGreaterThan(100)
  const [first] = await query(bridge, 'LSA21OQ::Channel_1_T')
  expect(first?.datapoints.length).toBeGreaterThanOrEqual(FULL)
}

/** Lines of the log other than those about targets left out. */
const troubles = (log: readonly string[]) => log.filter((line) => !line.startsWith('graphite: left out: '))

test.each([1, 2, 3, 4, 5])(
  '2,000 mutated requests of all dialects, seed %i: never 500, and the bridge answers as before',
  async (seed) => {
    await using at = await site()
    await at.lab.run(sensors, 'node-sensors', {})
    const counts = await flood(at.bridge.url, 2000, mutatedRequests(seeded(seed)))
    await sound(at.bridge, counts)
    expect(troubles(at.log)).toEqual([])
  },
)

test.each([1, 2, 3])(
  '1,700 Graphite targets, patterns and times from a grammar, seed %i: never 500',
  async (seed) => {
    await using at = await site()
    const counts = await flood(at.bridge.url, 1700, graphiteRequests(seeded(seed)))
    await sound(at.bridge, counts)
    expect(troubles(at.log)).toEqual([])
    expect(at.log.length).toBeLessThanOrEqual(100)
  },
)
