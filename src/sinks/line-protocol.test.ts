import { expect, test } from 'bun:test'
import type { FieldType, Wire } from '../core/wire.ts'
import { nanoseconds, pointsOf, pythonFloat } from './line-protocol.ts'

const origin = { root: 'observatory', instance: 'ls240', feed: 'temperatures' }
const agent_class = 'Lakeshore240Agent'

/** The points of one sample of a field. */
function pointOf(type: FieldType, value: Wire, name = 'x'): string[] {
  const blocks = { b: { [name]: { type } } }
  return pointsOf(origin, { agent_class, blocks }, { block: 'b', t: [2], data: { [name]: [value] } })
}

const written: [type: FieldType, value: Wire, text: string | undefined][] = [
  ['double', 1, '1.0'],
  ['double', '-0', '-0.0'],
  ['double', 0.1, '0.1'],
  ['double', 'NaN', undefined],
  ['double', '-Infinity', undefined],
  ['double', null, undefined],
  ['int', 1, '1i'],
  ['int', '9223372036854775807', '9223372036854775807i'],
  ['int', null, undefined],
  ['bool', true, 'True'],
  ['bool', false, 'False'],
  ['string', 'on', '"on"'],
  ['string', 'say "on", \\', '"say \\"on\\", \\\\"'],
  ['string', '', '""'],
]
test.each(written)('a %s of %p is written as %p', (type, value, text) => {
  expect(pointOf(type, value)).toEqual(
    text === undefined ? [] : [`observatory.ls240,feed=temperatures x=${text} 2000000000`],
  )
})

test.each([
  [1e16, '1e+16'],
  [123456789012345.6, '123456789012345.6'],
  [0.0001, '0.0001'],
  [0.00001234, '1.234e-05'],
  [-1e-7, '-1e-07'],
  [1.7976931348623157e308, '1.7976931348623157e+308'],
  [0, '0.0'],
])('%p is spelt as Python spells it', (value, text) => {
  expect(pythonFloat(value)).toBe(text)
  expect(Number(text)).toBe(value)
})

test('times are cut to whole ns, and to whole µs where OCS does', () => {
  expect(nanoseconds(1775162753.7786078)).toBe(1775162753778607872n)
  expect(nanoseconds(1775162753.7786078, 'json')).toBe(1775162753778608000n)
  expect(nanoseconds(1775162753.9999998, 'json')).toBe(1775162754000000000n)
})

test('a value that cannot be written costs itself, and a sample without any is no point', () => {
  const blocks = { b: { a: { type: 'double' }, c: { type: 'int' } } } as const
  const row = { block: 'b', t: [1, 2, 3], data: { a: [0.5, 'NaN', 'NaN'], c: [1, 2, null] } }
  expect(pointsOf(origin, { agent_class, blocks }, row)).toEqual([
    'observatory.ls240,feed=temperatures a=0.5,c=1i 1000000000',
    'observatory.ls240,feed=temperatures c=2i 2000000000',
  ])
})

test('a field with tags is a point of its own; others of its block stay together', () => {
  const tags = { channel: 1, location: '4K plate, left', on: true, empty: '', _field: 'temperature' }
  const blocks = { b: { T: { type: 'double', influxdb_tags: tags }, V: { type: 'double' } } } as const
  const row = { block: 'b', t: [1], data: { V: [1.5], T: [4.2] } }
  expect(pointsOf(origin, { agent_class, blocks }, row)).toEqual([
    String.raw`Lakeshore240Agent,feed=temperatures,address_root=observatory,instance_id=ls240,channel=1,location=4K\ plate\,\ left,on=True temperature=4.2 1000000000`,
    'observatory.ls240,feed=temperatures V=1.5 1000000000',
  ])
})

test('a double that OCS publishes as a whole number is one, where it is', () => {
  const blocks = { b: { x: { type: 'double', influxdb_int: true } } } as const
  const row = { block: 'b', t: [1, 2, 3], data: { x: [1200, 'NaN', 0.5] } }
  expect(pointsOf(origin, { agent_class, blocks }, row)).toEqual([
    'observatory.ls240,feed=temperatures x=1200i 1000000000',
  ])
})

test('what is excluded is no point', () => {
  const blocks = { b: { x: { type: 'double' } } } as const
  const row = { block: 'b', t: [1], data: { x: [1] } }
  expect(pointsOf(origin, { agent_class, blocks, exclude_influx: true }, row)).toEqual([])
})
