import { expect, test } from 'bun:test'
import { z } from 'zod'
import { startAgent } from '../../test/running-agent.ts'
import { ConfigError } from '../core/errors.ts'
import { decimal, row } from './codec.ts'
import { defineInstrument } from './define-instrument.ts'
import { whole } from './parts.ts'
import type { Reading } from './table.ts'

const part = whole(decimal)
const register = { name: 'UNIT', record: row({ unit: decimal }), initial: { unit: 1 } }
const good = {
  class: 'GaugeAgent',
  help: 'Reads a gauge.',
  args: z.object({ address: z.string() }),
  address: ({ address }: { address: string }) => address,
  feed: { name: 'pressures', help: 'Pressure.' },
  acq: { help: 'Read.', rate: () => 1 },
}
const reading = { block: 'gauge', command: 'PR?', fields: { p: { units: 'mbar', part } } }
const setting = { name: 'set_unit', help: 'Set.', register, params: {} }

/** The error for a table with these keys in place of the good ones; undefined if it is accepted. */
function saidOf(changed: object): string | undefined {
  try {
    defineInstrument({ ...good, readings: [reading], settings: [setting], ...changed } as never)
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as Error).message
  }
}
const withReading = (changed: object) => saidOf({ readings: [{ ...reading, ...changed }] })
const withField = (field: object) => withReading({ fields: { p: { units: 'mbar', part, ...field } } })
const withSetting = (changed: object) => saidOf({ settings: [{ ...setting, ...changed }] })

const FIELD = 'GaugeAgent: block gauge, field p: '

test('a table without a fault is taken', () => {
  expect(saidOf({})).toBeUndefined()
  expect(
    withField({ range: [null, 5], resolution: 0.1, rhythm: 2, sim: 1, description: 'x' }),
  ).toBeUndefined()
  expect(withField({ type: 'int', range: [0, 0], unread: -9 })).toBeUndefined()
})

test.each([
  ['a key of the spec', saidOf({ feeds: {} }), 'GaugeAgent: unknown key "feeds": did you mean "feed"?'],
  ['a key of no near', saidOf({ colour: 1 }), 'GaugeAgent: unknown key "colour": it takes class, aliases, '],
  ['no class', saidOf({ class: undefined }), 'defineInstrument: no "class"'],
  ['no feed', saidOf({ feed: undefined }), 'GaugeAgent: no "feed"'],
  [
    'a key of its feed',
    saidOf({ feed: { ...good.feed, frame: 1 } }),
    'GaugeAgent: feed: unknown key "frame"',
  ],
  [
    'a key of its process',
    saidOf({ acq: { ...good.acq, start: 1 } }),
    'GaugeAgent: acq: unknown key "start"',
  ],
  [
    'a key of a reading',
    withReading({ comand: 'A' }),
    'GaugeAgent: block gauge: unknown key "comand": did you mean "command"?',
  ],
  ['no command', withReading({ command: undefined }), 'GaugeAgent: block gauge: no "command"'],
  ['a block', withReading({ block: ' x' }), 'GaugeAgent: block  x: "block": printable ASCII'],
  [
    'a level too high',
    withReading({ resolution: 1 }),
    'GaugeAgent: block gauge: unknown key "resolution": it is a key of a field',
  ],
  ['a key of a field', withField({ unit: 'K' }), `${FIELD}unknown key "unit": did you mean "units"?`],
  [
    'a misspelt part',
    withReading({ fields: { p: { prt: part } } }),
    `${FIELD}unknown key "prt": did you mean "part"?`,
  ],
  ['no part', withField({ part: undefined }), `${FIELD}no "part"`],
  ['a part of null', withField({ part: null }), `${FIELD}no "part"`],
  [
    'a part that is none',
    withField({ part: 3 }),
    `${FIELD}"part": say where the value is in the reply: whole(decimal)`,
  ],
  ['a cell as a part', withField({ part: decimal }), `${FIELD}"part": say where the value is`],
  [
    'a range upside down',
    withField({ range: [1, 0] }),
    `${FIELD}"range": [1,0] is not a range: [low, high], null if open`,
  ],
  ['a range of one', withField({ range: [1] }), `${FIELD}"range": [1] is not a range`],
  ['a range of words', withField({ range: ['a', 'b'] }), `${FIELD}"range": ["a","b"] is not a range`],
  ['no resolution', withField({ resolution: 0 }), `${FIELD}"resolution": 0 is not a number above 0`],
  ['no rhythm', withField({ rhythm: -1 }), `${FIELD}"rhythm": -1 is not a number above 0`],
  ['a type', withField({ type: 'float' }), `${FIELD}"type": "float" is none of double, int, bool, string`],
  ['a bool without unread', withField({ type: 'bool' }), `${FIELD}set "unread"`],
  [
    'another type of unread',
    withField({ type: 'bool', unread: 0 }),
    `${FIELD}"unread": 0 is not of type bool`,
  ],
  [
    'a field name',
    withReading({ fields: { 'chamber pressure (mbar)': { part } } }),
    'GaugeAgent: block gauge: "chamber pressure (mbar)" is not a field name: letters, digits and _',
  ],
  [
    'a key of a setting',
    withSetting({ parms: {} }),
    'GaugeAgent: setting set_unit: unknown key "parms": did you mean "params"?',
  ],
  [
    'a key of a register',
    withSetting({ register: { ...register, init: 1 } }),
    'GaugeAgent: setting set_unit, register UNIT: unknown key "init"',
  ],
  [
    'a key of a getting',
    saidOf({ gettings: [{ ...setting }] }),
    'GaugeAgent: getting set_unit: unknown key "params"',
  ],
  [
    'a key of a command',
    saidOf({ commands: [{ name: 'zero', help: 'Zero.', comand: 'Z' }] }),
    'GaugeAgent: command zero: unknown key "comand": did you mean "command"?',
  ],
  [
    'typical readings',
    saidOf({ readings: () => [], typical: [{ ...reading, comand: '' }] }),
    'GaugeAgent: block gauge: unknown key "comand"',
  ],
])('%s: it says where and which', (_, said, expected) => {
  expect(said).toStartWith(expected)
})

test('readings that follow the instrument are checked once they are known; a name that it gave costs itself', async () => {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('1') })
  const start = (fields: object) =>
    startAgent(
      defineInstrument({
        ...good,
        open: () => ({ identify: null }),
        readings: () => [{ block: 'gauge', command: 'GET /', fields: fields as Reading['fields'] }],
      }),
      { address: `http://127.0.0.1:${server.port}` },
    )
  await using misspelt = await start({ p: { part, unit: 'K' } })
  await misspelt.until(() => misspelt.log.some((line) => line.includes(`${FIELD}unknown key "unit"`)))
  await using named = await start({ p: { part }, 'on its panel': { part } })
  await named.until(() => named.rows.length > 0)
  expect(named.rows[0]?.data).toEqual({ p: [1] })
  await server.stop(true)
})
