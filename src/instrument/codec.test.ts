import { expect, test } from 'bun:test'
import { OpError, TransportError } from '../core/errors.ts'
import { choice, decimal, flag, integer, row, text } from './codec.ts'

const input = row({
  sensor: choice(1, 'diode', 'platinum', 'ntc'),
  autorange: flag,
  range: integer,
  offset: decimal,
  name: text(15),
})

test('a record goes both ways', () => {
  const values = input.decode('2,1,007,+1.0E-03,Cold plate     ')
  expect(values).toEqual({ sensor: 'platinum', autorange: true, range: 7, offset: 0.001, name: 'Cold plate' })
  expect(input.encode(values)).toBe('2,1,7,0.001,Cold plate')
  expect(input.schema.parse(values)).toEqual(values)
  expect(input.schema.safeParse({ ...values, sensor: 'gold' }).success).toBe(false)
})

test.each([
  ['4,1,0,0,x', 'sensor: expected diode, platinum, ntc (1 to 3), got "4" in "4,1,0,0,x"'],
  ['0,1,0,0,x', 'sensor: expected'],
  ['1,2,0,0,x', 'autorange: expected 0 or 1, got "2"'],
  ['1,1,1.5,0,x', 'range: expected a whole number, got "1.5"'],
  ['1,1,,0,x', 'range: expected a whole number, got ""'],
  ['1,1,0,NaN,x', 'offset: expected a number, got "NaN"'],
  ['1,1,0,0x10,x', 'offset: expected a number, got "0x10"'],
  ['1,1,0,0', 'expected 5 fields (sensor, autorange, range, offset, name), got "1,1,0,0"'],
  ['1,1,0,0,x,9', 'expected 5 fields'],
])('the reply %s is refused', (reply, message) => {
  expect(() => input.decode(reply)).toThrow(TransportError)
  expect(() => input.decode(reply)).toThrow(message)
})

test('a value that the instrument would misread is not sent', () => {
  const good = { sensor: 'diode', autorange: true, range: 1, offset: 0, name: 'x' } as const
  const wrong: [object, string][] = [
    [{ range: 1.5 }, 'range: 1.5 is not a whole number'],
    [{ offset: Number.NaN }, 'offset: null is not a number'],
    [{ name: 'a,b' }, 'name: "a,b" is not text of at most 15 plain characters without commas'],
    [{ name: 'a\r\nRANGE 0' }, 'name: '],
    [{ name: 'sixteen letters!' }, 'name: '],
    [{ sensor: 'gold' }, 'sensor: "gold" is not diode, platinum, ntc'],
  ]
  for (const [change, message] of wrong) {
    expect(() => input.encode({ ...good, ...change })).toThrow(OpError)
    expect(() => input.encode({ ...good, ...change })).toThrow(message)
  }
})

test('quoted text is quoted one way and bare the other', () => {
  const name = text(15, { quoted: true })
  expect(name.encode('Still, top')).toBe('"Still, top"')
  expect(name.decode('Still top      ')).toBe('Still top')
  expect(name.decode('"Still top"')).toBe('Still top')
  expect(() => name.encode('a"b')).toThrow(OpError)
})
