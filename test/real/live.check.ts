/**
 * A lab records for half a minute; so3g and spt3g read the files and find every value that was sent, bit for
 * bit.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { compare, filesOf, keyOf, type Sent, samplesOf, spooled } from './archive.ts'
import { DemoLab } from './demo-lab.ts'
import { Listener } from './listener.ts'
import { figure, Lab, seconds } from './roles.ts'

setDefaultTimeout(400_000)

const RECORDING = 30

test('real spt3g and so3g read every value that was sent in a live run', async () => {
  await using lab = new Lab()
  const demo = new DemoLab(lab)
  await lab.hub()
  const { rows } = await Listener.open(lab)
  await Promise.all([
    demo.sim240(),
    lab.sim('372', 'LSA22YG', '--tcp', '127.0.0.1:7771', '--seed', '2'),
    lab.sim('372', 'LSA22HA', '--tcp', '127.0.0.1:7772', '--seed', '3'),
  ])
  const aggregator = demo.aggregator('--frame-length', '4', '--time-per-file', '20')
  const agents = [demo.ls240(5), demo.agent('control'), demo.agent('measurement')]
  await Promise.all(agents.map((agent) => agent.says('Channel_', 30)))
  await seconds(RECORDING)
  for (const agent of agents) expect(await agent.stop()).toMatchObject({ code: 0 })
  expect(await aggregator.stop()).toMatchObject({ code: 0 })

  const kept = spooled(lab.path('state'))
  const live = new Set(rows.map(keyOf))
  expect(kept.map(keyOf).filter((key) => !live.has(key))).toEqual([])
  expect(rows).toHaveLength(kept.length)
  // The files must have the content of the bus; the declaration gives the types.
  const sent = rows.map((seen) => {
    const { declaration } = kept.find((row) => keyOf(row) === keyOf(seen)) ?? {}
    if (!declaration) throw new Error(`${keyOf(seen)} was published and is in no spool`)
    return { ...seen, declaration }
  })
  await compare(lab, demo.dataDir, sent)
  for (const instance of ['ls240', 'control', 'measurement']) {
    const samples = samplesOf(rows.filter((seen) => seen.instance === instance))
    expect(samples).toBeGreaterThan(RECORDING / 2)
    figure(`${instance}: ${samples} samples in ${RECORDING} s`)
  }
  const files = filesOf(demo.dataDir)
  expect(files.length).toBeGreaterThan(1)
  expect(files.every((file) => /^\d{5}\/\d{10}\.g3$/.test(file))).toBe(true)
  matchTruth(rows, demo.truth)
})

/**
 * Checks that the 240's readings are the numbers its simulator reports as sent, in order; the last sweep may
 * be incomplete.
 */
function matchTruth(rows: readonly Sent[], file: string): void {
  const truth = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { channel: number; quantity: string; value: number })
  let compared = 0
  for (const [quantity, letter] of [
    ['kelvin', 'T'],
    ['sensor', 'V'],
  ]) {
    for (let channel = 1; channel <= 8; channel++) {
      const values = truth
        .filter((line) => line.channel === channel && line.quantity === quantity)
        .map(({ value }) => value)
      const field = `Channel_${channel}_${letter}`
      const got = rows
        .filter(({ instance }) => instance === 'ls240')
        .flatMap(({ row }) => (row.data[field] ?? []) as number[])
      expect(values.length - got.length).toBeWithin(0, 2)
      expect(got).toEqual(values.slice(0, got.length))
      compared += got.length
    }
  }
  figure(`${compared} readings of the 240 are those that its simulator put on the wire`)
}
