import { expect, test } from 'bun:test'
import { plan } from './fault-injector.ts'
import { faults } from './faults.ts'
import type { ChaosLab } from './lab.ts'

const stations = [
  { name: 'hub', kind: 'hub' },
  { name: 'aggregator', kind: 'recorder' },
  { name: 'ls240', kind: 'agent' },
]
const lab = {
  stations: new Map(stations.map((station) => [station.name, station])),
  instruments: [{ agent: 'ls240' }],
  of: (...kinds: string[]) => stations.filter(({ kind }) => kinds.includes(kind)),
} as unknown as ChaosLab
const take = (seed: number, names = Object.keys(faults), count = 400) =>
  plan(lab, { seed, every: 2, faults: names }).take(count).toArray()

test('one seed, one sequence of faults', () => {
  expect(take(7)).toEqual(take(7))
  expect(take(8)).not.toEqual(take(7))
})

test('every fault and every target has its turn, within its bounds', () => {
  const all = take(1)
  expect(new Set(all.map(({ name }) => name))).toEqual(new Set(Object.keys(faults)))
  expect(new Set(all.map(({ target }) => target))).toEqual(
    new Set(['hub', 'aggregator', 'ls240', 'data', 'state', 'clock']),
  )
  for (const { name, lasts } of all) expect(lasts).toBeWithin(0, (faults[name]?.lasts[1] ?? 0) + 0.001)
  const mean = all.reduce((sum, { wait }) => sum + wait, 0) / all.length
  expect(mean).toBeWithin(1.6, 2.4)
})

test('only the faults that are asked for; a full spool leaves agents alone', () => {
  expect(take(1, ['kill', 'unplug']).every(({ name }) => name === 'kill' || name === 'unplug')).toBe(true)
  const [full] = take(1, ['spool-full'], 1)
  expect(full?.keeps).toEqual(['state', 'aggregator', 'ls240'])
})

test('who takes files away has the disk, and the recorder neither ends nor begins at that moment', () => {
  const [moved] = take(1, ['file-moved'], 1)
  expect(moved).toMatchObject({ target: 'data', kind: 'files', keeps: ['data', 'aggregator'] })
})
