import { afterAll, expect, test } from 'bun:test'
import { z } from 'zod'
import { ownClock } from '../../test/own-clock.ts'
import { startAgent } from '../../test/running-agent.ts'
import { UNHURRIED_MS } from '../../test/turns-clock.ts'
import { startTable } from '../simulators/table-server.ts'
import { choice, decimal, row } from './codec.ts'
import { defineInstrument } from './define-instrument.ts'
import { whole } from './parts.ts'
import type { Register } from './registers.ts'
import type { Reading } from './table.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

const units = choice(1, 'G', 'T')
const unit: Register = { name: 'UNIT', record: row({ unit: units }), initial: { unit: 'G' } }
/** Called in the midst of a sweep. */
let half = () => {}
/** Ten readings of one field of 1 T. */
const readings = (shown: string): readonly Reading[] =>
  Array.from({ length: 10 }, (_, i) => ({
    block: 'field',
    command: `FIELD${i}?`,
    fields: {
      [`B${i}`]: {
        units: shown,
        part: whole(decimal),
        sim: (recall) => {
          if (i === 5) half()
          return recall(unit)['unit' as never] === 'G' ? 10_000 : 1
        },
      },
    },
  }))

const gaussmeter = defineInstrument({
  class: 'TestGaussmeter',
  help: 'Reads a field.',
  args: z.object({ address: z.string() }),
  address: ({ address }) => address,
  open: () => ({ gap: 0, timeout: UNHURRIED_MS }),
  survey: async (link) => units.decode(await link.query('UNIT?')),
  feed: { name: 'field', help: 'The field.' },
  readings,
  acq: { help: 'Read.', rate: () => 20 },
  settings: [
    {
      name: 'set_unit',
      help: 'Set the unit.',
      register: unit,
      params: { unit: units.schema },
      resurvey: true,
    },
  ],
})

test('no reading is published in the unit of before, or of after', async () => {
  const registers = [unit]
  const simulated = { identity: 'A,B,{serial},1', readings: readings('G'), registers }
  const sim = await startTable(simulated, { serialNumber: '1', tcp: '127.0.0.1:0', latency: 2 })
  await using agent = await startAgent(gaussmeter, { address: sim.url })
  await agent.until(() => agent.rows.length > 0)
  for (let i = 0; i < 12; i++) {
    const before = agent.rows.length
    const { promise, resolve } = Promise.withResolvers<void>()
    half = resolve
    await promise
    const { success } = await agent.task('set_unit', { unit: i % 2 === 0 ? 'T' : 'G' })
    expect(success).toBe(true)
    await agent.until(() => agent.rows.length > before + 1)
  }
  const byEpoch = Map.groupBy(agent.rows, ({ epoch }) => epoch)
  expect(byEpoch.size).toBe(13)
  const seen = [...byEpoch.values()].map((rows) => [
    ...new Set(rows.flatMap(({ data }) => Object.values(data).flat())),
  ])
  expect(seen).toEqual(seen.map((_, i) => [i % 2 === 0 ? 10_000 : 1]))
  await sim.close()
})
