import { expect, test } from 'bun:test'
import { same } from '../../instrument/registers.ts'
import { addressOf, portAddress } from './lakeshore.ts'

test.each([
  ['10.0.0.4', 'tcp://10.0.0.4:7777'],
  ['10.0.0.4:7778', 'tcp://10.0.0.4:7778'],
  ['ls372.lab', 'tcp://ls372.lab:7777'],
  ['[::1]', 'tcp://[::1]:7777'],
  ['[::1]:1', 'tcp://[::1]:1'],
  ['tcp://a:1', 'tcp://a:1'],
  ['replay:a.yaml', 'replay:a.yaml'],
])('%s is reached at %s', (text, address) => {
  expect(addressOf(text)).toBe(address)
})

test('a port is a path, seen from where the agent runs, or an address', () => {
  expect(portAddress('/dev/ttyUSB0')).toBe('/dev/ttyUSB0')
  expect(portAddress('lab/tty')).toBe(`${process.cwd()}/lab/tty`)
  expect(portAddress('tcp://a:1')).toBe('tcp://a:1')
})

test('numbers are compared to six digits, all else exactly', () => {
  expect([same(1.23457, 1.234568), same(1.2345, 1.2346), same(0, 0), same('a', 'A')]).toEqual([
    true,
    false,
    true,
    false,
  ])
})
