import { expect, test } from 'bun:test'
import type { Value } from '../core/wire.ts'
import * as modbus from './modbus-parts.ts'
import type { Part } from './parts.ts'

const reply = (hex: string) =>
  hex
    .replaceAll(' ', '')
    .match(/.{4}/g)
    ?.map((word) => Number.parseInt(word, 16))
    .join(',') ?? ''

/** Bytes as they are sent on the wire, register by register, and the values they encode. */
const spelt: readonly [name: string, part: Part<never> | Part, hex: string, value: Value][] = [
  ['uint16', modbus.uint16(0), 'ffff', 65_535],
  ['int16', modbus.int16(0), 'ffd8', -40],
  ['uint32 high word first', modbus.uint32(0, 'ABCD'), '8000 0001', 2_147_483_649],
  ['uint32 low word first', modbus.uint32(0, 'CDAB'), '0001 8000', 2_147_483_649],
  ['int32 high word first', modbus.int32(0, 'ABCD'), 'ffff fffe', -2],
  ['int32 low word first', modbus.int32(0), 'fffe ffff', -2],
  ['uint64', modbus.uint64(0, 'ABCD'), '0010 0000 0000 0001', 4_503_599_627_370_497],
  ['uint64 beyond 2^53', modbus.uint64(0, 'ABCD'), '1000 0000 0000 0001', 1_152_921_504_606_846_977n],
  ['int64 low word first', modbus.int64(0, 'CDAB'), 'fff9 ffff ffff ffff', -7],
  ['float32 high word first', modbus.float32(0, 'ABCD'), '42f6 e666', Math.fround(123.45)],
  ['float32 low word first', modbus.float32(0), 'e666 42f6', Math.fround(123.45)],
  ['float32 bytes swapped', modbus.float32(0, 'BADC'), 'f642 66e6', Math.fround(123.45)],
  ['float32 low byte first', modbus.float32(0, 'DCBA'), '66e6 f642', Math.fround(123.45)],
  ['float64', modbus.float64(0, 'ABCD'), '405e dccc cccc cccd', 123.45],
  ['float64 low word first', modbus.float64(0), 'cccd cccc dccc 405e', 123.45],
  ['BCD', modbus.bcd(0), '1234', 1234],
  ['BCD of two registers', modbus.bcd(0, 2, 'ABCD'), '1234 5678', 12_345_678],
  ['a scale', modbus.scaled(modbus.uint16(0), 0.1), '0003', 0.3],
  ['a scale and an offset', modbus.scaled(modbus.int16(0), 0.01, -50), 'ff9c', -51],
  ['a whole number kept as a float', modbus.integral(modbus.float32(0)), '0000 c100', -8],
  ['a bit', modbus.bits(0, 15), '8000', 1],
  ['a field of bits', modbus.bits(0, 4, 3), '0050', 5],
]

test.each(spelt)('%s: read, and placed by a simulated instrument', (_, part, hex, value) => {
  expect((part as Part).decode(reply(hex))).toBe(value)
  const parts: string[] = []
  ;(part as Part).place(parts, value)
  expect(parts.join(',')).toBe(reply(hex))
})

test('minus zero kept as a float is a whole zero', () => {
  expect(Object.is(modbus.integral(modbus.float32(0, 'ABCD')).decode(reply('8000 0000')), 0)).toBe(true)
})

test('bits of one register are placed side by side', () => {
  const parts: string[] = []
  modbus.bits(0, 0).place(parts, 1)
  modbus.bits(0, 4, 4).place(parts, 9)
  modbus.bits(0, 0).place(parts, 0)
  expect(parts).toEqual([String(0x90)])
})

test.each([
  ['a digit of BCD above 9', modbus.bcd(0), '12a4', '0x12a4 is not a number in decimal digits'],
  ['a fraction', modbus.integral(modbus.float32(0, 'ABCD')), '3fc0 0000', '1.5 is not a whole number'],
  ['no number', modbus.integral(modbus.float32(0, 'ABCD')), '7fc0 0000', 'NaN is not a whole number'],
  ['a register too few', modbus.float32(0), '0001', 'there is no item 1'],
] as const)('%s is refused', (_, part, hex, message) => {
  expect(() => part.decode(reply(hex))).toThrow(message)
})

test('what is no register is refused', () => {
  expect(() => modbus.uint16(0).decode('65536')).toThrow('65536 is not a register')
  expect(() => modbus.float32(0).decode('-1,2')).toThrow('-1 is not a register')
})
