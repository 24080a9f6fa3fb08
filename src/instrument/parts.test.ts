import { expect, test } from 'bun:test'
import { ConfigError, TransportError } from '../core/errors.ts'
import { decimal, flag, integer, text } from './codec.ts'
import { json, nth } from './parts.ts'

const reply =
  '{"temperature": 21.5, "on": true, "sensors": [{"value": "7.25"}, {"value": "7,25"}], "a name": "x", "none": null}'

test('a value of JSON is found by its path, and read as its cell spells it', () => {
  expect(json('$.temperature').decode(reply)).toBe(21.5)
  expect(json('$.sensors[0].value').decode(reply)).toBe(7.25)
  expect(json("$['a name']", text(5)).decode(reply)).toBe('x')
  expect(json('$.on', flag).decode(reply)).toBe(true)
  expect(json('$').decode('1e-7')).toBe(1e-7)
})

test.each([
  ['$.humidity', '$.humidity: not there in'],
  ['$.none', '$.none: no value in'],
  ['$.sensors', '$.sensors: no value in'],
  ['$.sensors[2].value', 'not there'],
  ['$.sensors[1].value', 'expected a number, got "7,25"'],
  ["$['a name']", 'expected a number, got "x"'],
  ['$.constructor', 'not there'],
])('%s is refused', (path, message) => {
  expect(() => json(path).decode(reply)).toThrow(TransportError)
  expect(() => json(path).decode(reply)).toThrow(message)
})

test('a reply that is no JSON, and a whole number that is none, are refused', () => {
  expect(() => json('$.a').decode('<html>')).toThrow('expected JSON, got "<html>"')
  expect(() => json('$.temperature', integer).decode(reply)).toThrow('expected a whole number, got "21.5"')
})

test.each(['temperature', '$temperature', '$.', '$.a..b', '$.a[x]', '$.*', ''])('%p is no path', (path) => {
  expect(() => json(path)).toThrow(ConfigError)
})

test('a simulated instrument has all its values in one document', () => {
  const parts: string[] = []
  json('$.temperature').place(parts, 4.2)
  json('$.sensors[1].value').place(parts, 7)
  expect(parts).toEqual(['{"temperature":4.2,"sensors":[null,{"value":7}]}'])
})

test('where it is known how many values there are, a decimal comma is noticed', () => {
  expect(nth(1, decimal, 2).decode('4.2,77.3')).toBe(77.3)
  expect(() => nth(1, decimal, 2).decode('4,2,77.3')).toThrow('expected 2 values, got 3 in "4,2,77.3"')
})
