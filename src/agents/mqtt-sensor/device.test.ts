/** Devices of others: what five makers' messages come to, and that hostile ones hurt nobody but themselves. */
import { expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { temporary } from '../../../test/temporary.ts'
import { Device } from './device.ts'
import { readTable } from './device-table.ts'

const FOLDER = 'fixtures/foreign-sensors'
const table = readTable(`${FOLDER}/devices.yaml`)

/** What a device makes of messages, given as `mosquitto_sub -F '%r %t %p'` prints them. */
function take(name: string, lines: readonly string[], now = 0) {
  const spec = table.get(name)
  if (!spec) throw new Error(name)
  const told: string[] = []
  const device = new Device(name, spec, now, (text) => told.push(text))
  const rows = lines.flatMap((line) => {
    const [, retained, topic = '', text = ''] = /^([01]) (\S+) ?(.*)$/s.exec(line) ?? []
    if (!device.topics.includes(topic)) return []
    return device.take({ topic, text, bytes: text.length, retained: retained === '1' }, now, 1e9)
  })
  return { device, told, rows: rows.map(({ values }) => values) }
}

const recorded = (maker: string) => readFileSync(`${FOLDER}/${maker}.txt`, 'utf8').trim().split('\n')

test('a Shelly: values of one status together, true and false as numbers, its word on being there', () => {
  const { rows, told, device } = take('plug_fridge', recorded('shelly'))
  expect(rows).toEqual([
    { online: 1 },
    { power: 41.6, energy: 1132.417, relay_temperature: 53.2, output: 1 },
    { power: 42.1, energy: 1133.118, relay_temperature: 53.4, output: 1 },
    { power: 0, energy: 1133.902, relay_temperature: 52.9, output: 0 },
    { online: 0 },
  ])
  expect(told).toEqual([])
  expect(device.problem(0)).toBe('plug_fridge is offline, by shellyplus1pm-a8032ab6ee10/online')
})

test('ESPHome: bare numbers, words, nan as a gap, and no reading of what the broker has kept', () => {
  const { rows, device } = take('cellar', recorded('esphome'))
  expect(rows).toEqual([
    { online: 1 },
    { temperature: 12.4 },
    { humidity: 71.3 },
    { door: 0 },
    { temperature: 12.5 },
    { humidity: Number.NaN },
    { door: 1 },
    { online: 0 },
  ])
  expect(device.errors).toEqual({ 'kept from before': 1, 'no number': 1 })
})

test('Tasmota: numbers deep within, a sensor that says null as a gap', () => {
  const { rows, device } = take('freezer', recorded('tasmota'))
  expect(rows).toEqual([
    { online: 1 },
    { signal: -78 },
    { power: 51, temperature: -18.6 },
    { power: 0, temperature: Number.NaN },
    { online: 0 },
  ])
  expect(device.errors).toEqual({ 'no number': 1 })
})

test('zigbee2mqtt: each device by its own topic, availability as JSON', () => {
  const lines = recorded('zigbee2mqtt')
  expect(take('dome', lines).rows).toEqual([
    { online: 1 },
    { temperature: 27.34, humidity: 44.72, pressure: 1000.6 },
    { temperature: 27.41, humidity: 44.91, pressure: 1000.5 },
    { online: 0 },
  ])
  expect(take('hatch', lines).rows).toEqual([{ closed: 0 }, { closed: 1 }])
})

test('Node-RED: numbers in quotes, and what a flow sends that is no JSON', () => {
  const { rows, device } = take('mast', recorded('node-red'))
  expect(rows).toEqual([
    { online: 1 },
    { wind_speed: 3.4, gust: 5.1 },
    { flow: 17.25 },
    { wind_speed: 3.9, gust: 6 },
    { wind_speed: Number.NaN, gust: Number.NaN },
    { flow: Number.NaN },
    { flow: 412 },
    { flow: 17.5 },
    { online: 0 },
  ])
  expect(device.errors).toEqual({ 'no JSON': 1, 'no number': 1 })
})

test.each([
  '',
  'null',
  '[]',
  '{"windSpeed":{"windSpeed":1}}',
  '{"windSpeed":[1]}',
  '{"windSpeed":"0x10"}',
  '{"windSpeed":"1e"}',
  '{"windSpeed":""}',
  '{"__proto__":{"windSpeed":1}}',
  `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
  `{"windSpeed":${'{"a":'.repeat(500)}1${'}'.repeat(500)}}`,
  '\u0000\u001b[2J\ud800',
])('no number comes of %p, and nothing is thrown', (text) => {
  const { rows, device } = take('mast', [
    `0 nodered/weather ${text}`,
    '0 nodered/weather {"windSpeed":2,"gust":3}',
  ])
  expect(rows.at(-1)).toEqual({ wind_speed: 2, gust: 3 })
  for (const values of rows.slice(0, -1)) expect(values).toMatchObject({ wind_speed: Number.NaN })
  expect(device.problem(0)).toBeUndefined()
})

test('a message longer than any reading, and more a second than any device has, cost what they are', () => {
  const { device, told } = take('mast', [])
  const huge = { topic: 'nodered/pump', text: undefined, bytes: 4e6, retained: false }
  expect(device.take(huge, 0, 1)).toEqual([])
  const flood = Array.from({ length: 1000 }, (_, i) =>
    device.take({ topic: 'nodered/pump', text: String(i), bytes: 3, retained: false }, 0, 1),
  )
  expect(flood.flat()).toHaveLength(49)
  expect(device.errors).toEqual({ 'too long': 1, 'too often': 951 })
  // Once of each kind.
  expect(told).toHaveLength(2)
  expect(device.take({ topic: 'nodered/pump', text: '1', bytes: 1, retained: false }, 1000, 2)).toHaveLength(
    1,
  )
})

test('who says nothing for longer than its rhythm is told of', () => {
  const { device } = take('freezer', ['0 tele/tasmota_9CF9D1/SENSOR {"ENERGY":{"Power":1}}'], 1000)
  expect(device.problem(600_000)).toBeUndefined()
  expect(device.problem(700_000)).toBe('freezer has been silent for 699 s')
})

test.each([
  ['{}', 'it has no devices'],
  [
    'a: {readings: [{topic: x, field: y, unit: K}]}',
    'a.readings.0: unknown key "unit" (did you mean units?)',
  ],
  ['a: {readings: [{topic: "x/#", field: y}]}', 'a.readings.0.topic: a topic in full'],
  ['a: {readings: [{topic: x, field: 1y}]}', 'a.readings.0.field: letters, digits and _'],
  ['a: {readings: [{topic: x, field: y}, {topic: z, field: y}]}', 'a: the field "y" appears twice'],
  [
    'a: {readings: [{topic: x/y, field: y}, {topic: x_y, field: z}]}',
    'x/y and x_y would be recorded under one name',
  ],
  ['a b: {readings: [{topic: x, field: y}]}', 'a b'],
  ['a: [', 'YAML'],
])('a table %p is refused: %s', (text, why) => {
  const file = temporary('devices.yaml')
  writeFileSync(file, text)
  expect(() => readTable(file)).toThrow(why)
})
