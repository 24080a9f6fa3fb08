import { afterAll, expect, test } from 'bun:test'
import { z } from 'zod'
import { ownClock } from '../../test/own-clock.ts'
import { startAgent } from '../../test/running-agent.ts'
import { UNHURRIED_MS } from '../../test/turns-clock.ts'
import { startTable } from '../simulators/table-server.ts'
import { choice, decimal, flag, integer, row } from './codec.ts'
import { defineInstrument } from './define-instrument.ts'
import { json, nth, whole } from './parts.ts'
import type { Register } from './registers.ts'
import { blocksOf, type Reading } from './table.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

const units = choice(1, 'G', 'T')
const unit: Register = { name: 'UNIT', record: row({ unit: units }), initial: { unit: 'G' } }
/** Called in the middle of a sweep. */
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

/**
 * A table with the usual kinds of values: a number, a count, a word, and a value from a reply with several.
 */
const mixed: readonly Reading[] = [
  { block: 'all', command: 'T?', fields: { T: { units: 'K', part: whole(decimal), sim: 4.2 } } },
  {
    block: 'all',
    command: 'N?',
    fields: { n: { type: 'int', description: 'a count', part: whole(integer), sim: 7 } },
  },
  { block: 'all', command: 'W?', fields: { word: { type: 'string', part: whole(units), sim: 'G' } } },
  {
    block: 'all',
    command: 'P?',
    fields: {
      p1: { units: 'mbar', part: nth(0, decimal, 2), sim: 1 },
      p2: { units: 'mbar', part: nth(1, decimal, 2), sim: 2 },
    },
  },
]
const meter = defineInstrument({
  class: 'TestMeter',
  help: 'Reads all sorts.',
  args: z.object({ address: z.string() }),
  address: ({ address }) => address,
  open: () => ({ gap: 0, quiet: 20 }),
  feed: { name: 'all', help: 'All.' },
  readings: mixed,
  acq: { help: 'Read.', rate: () => 20 },
})
const startMixed = async () => {
  const simulated = { identity: 'A,B,{serial},1', readings: mixed }
  const sim = await startTable(simulated, { serialNumber: '1', tcp: '127.0.0.1:0' })
  return { sim, agent: await startAgent(meter, { address: sim.url }) }
}

test('one bad value costs itself, whatever its type; each kind is told once, and none hides the next', async () => {
  const { sim, agent } = await startMixed()
  await agent.until(() => agent.rows.length > 0)
  const good = { T: [4.2], n: [7], word: ['G'], p1: [1], p2: [2] }
  expect(agent.rows[0]?.data).toEqual(good)
  expect(agent.declared.get('all')?.blocks['all']?.['n']).toEqual({
    type: 'int',
    description: 'a count; -1 not read',
    rhythm: 0.05,
  })
  const bad: [string, object][] = [
    ['T', { T: ['NaN'] }],
    ['n', { n: [-1] }],
    ['word', { word: [''] }],
    ['p1', { p1: ['NaN'] }],
    ['p2', { p2: ['NaN'] }],
  ]
  for (const [field, changed] of bad)
    for (const value of ['abc', '1e999', '-']) {
      sim.faults.inject({ kind: 'value', field, value })
      await agent.until(() => Bun.deepEquals(agent.rows.at(-1)?.data, { ...good, ...changed }))
      sim.faults.clear()
      await agent.until(() => Bun.deepEquals(agent.rows.at(-1)?.data, good))
    }
  const told = agent.log.filter((line) => line.includes('expected '))
  expect(told.map((line) => /(T|N|W)\?|p\d/.exec(line)?.[0])).toEqual(['T?', 'N?', 'W?', 'p1', 'p2'])
  // A decimal comma shifts all later values, so nothing of that reply is used.
  sim.faults.inject({ kind: 'value', field: 'p1', value: '4,2' })
  await agent.until(() => Bun.deepEquals(agent.rows.at(-1)?.data, { ...good, p1: ['NaN'], p2: ['NaN'] }))
  expect(agent.session('acq')?.degraded).toBe(false)
  await agent[Symbol.asyncDispose]()
  await sim.close()
})

test('an instrument that falls silent is told as degraded before its link is given up, and nothing is published of it', async () => {
  const { sim, agent } = await startMixed()
  await agent.until(() => agent.rows.length > 0)
  sim.faults.inject({ kind: 'hang' })
  await agent.until(() => agent.session('acq')?.degraded === true)
  const said = agent.log.join('\n')
  expect(said).toContain('nothing has been read for 2.5 s')
  expect(said).not.toContain('trying again')
  expect(agent.rows.filter(({ data }) => data['T']?.[0] === 'NaN')).toEqual([])
  sim.faults.clear()
  await agent.until(() => agent.session('acq')?.degraded === false)
  await agent[Symbol.asyncDispose]()
  await sim.close()
})

test('its rhythm follows the arguments, then what its process was started with, also through a lost connection', async () => {
  const field = { units: 'mbar', resolution: 1e-3, part: whole(decimal), sim: 1.5 }
  const readings: readonly Reading[] = [{ block: 'all', command: 'P?', fields: { P: field } }]
  const gauge = defineInstrument({
    class: 'TestGauge',
    help: 'Reads a gauge.',
    args: z.object({ address: z.string(), rate: z.number().default(5) }),
    address: ({ address }) => address,
    open: () => ({ gap: 0, quiet: 20 }),
    feed: { name: 'all', help: 'All.' },
    readings,
    acq: {
      help: 'Read.',
      params: { rate: z.number().optional() },
      rate: (args, { rate = args.rate }) => rate,
      startup: ({ rate }) => rate > 1,
    },
  })
  const simulated = { identity: 'A,B,{serial},1', readings }
  const sim = await startTable(simulated, { serialNumber: '1', tcp: '127.0.0.1:0' })
  await using agent = await startAgent(gauge, { address: sim.url })
  await agent.until(() => agent.rows.length > 0)
  const declared = () => agent.declared.get('all')?.blocks['all']
  expect(declared()).toEqual({ P: { type: 'double', units: 'mbar', resolution: 1e-3, rhythm: 0.2 } })
  await agent.act('acq', 'stop')
  await agent.until(() => agent.session('acq')?.status === 'done')
  const before = agent.rows.length
  await agent.begin('acq', { rate: 20 })
  await agent.until(() => agent.rows.length > before)
  expect(declared()?.['P']?.rhythm).toBe(0.05)
  await sim.unplug()
  await agent.until(() => agent.session('acq')?.degraded === true)
  const lost = agent.rows.length
  await sim.plugIn()
  await agent.until(() => agent.rows.length > lost)
  // The declaration is unchanged, so no epoch begins.
  expect(new Set(agent.rows.map(({ epoch }) => epoch)).size).toBe(2)
  await sim.close()
})

test('a truth value that says not what stands for none is a fault of the table', () => {
  const fields = { on: { type: 'bool' as const, part: whole(flag) } }
  expect(() => blocksOf([{ block: 'a', command: 'ON?', fields }])).toThrow('on: set "unread"')
})

test('an instrument that answers with JSON: a value that is null costs itself', async () => {
  let body = '{"temperature": 21.5, "state": {"code": 2}}'
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response(body) })
  const box = defineInstrument({
    class: 'TestBox',
    help: 'Reads a box.',
    args: z.object({ address: z.string() }),
    address: ({ address }) => address,
    open: () => ({ identify: null }),
    feed: { name: 'box', help: 'The box.' },
    readings: [
      {
        block: 'box',
        command: 'GET /status',
        fields: {
          T: { units: '°C', part: json('$.temperature') },
          code: { type: 'int', description: 'state', part: json('$.state.code', integer) },
        },
      },
    ],
    acq: { help: 'Read.', rate: () => 20 },
  })
  await using agent = await startAgent(box, { address: `http://127.0.0.1:${server.port}` })
  await agent.until(() => agent.rows.length > 0)
  expect(agent.rows[0]?.data).toEqual({ T: [21.5], code: [2] })
  body = '{"temperature": null, "state": {"code": 3}}'
  await agent.until(() => agent.rows.at(-1)?.data['code']?.[0] === 3)
  expect(agent.rows.at(-1)?.data).toEqual({ T: ['NaN'], code: [3] })
  body = '<html>down for maintenance</html>'
  await agent.until(() => agent.session('acq')?.degraded === true)
  expect(agent.column('T')).toContain(21.5)
  expect(agent.log.filter((line) => line.includes('expected JSON'))).toHaveLength(1)
  await server.stop(true)
})
