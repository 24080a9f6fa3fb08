import { expect, test } from 'bun:test'
import { ConfigError } from '../core/errors.ts'
import { parseAddress } from './open.ts'

test('addresses are taken apart', () => {
  expect(parseAddress('tcp://10.0.0.4:7777')).toEqual({ kind: 'tcp', host: '10.0.0.4', port: 7777 })
  expect(parseAddress('tcp://[::1]:7777')).toEqual({ kind: 'tcp', host: '::1', port: 7777 })
  const settings = { baud: 57600, bits: 7, parity: 'odd', hupcl: false } as const
  expect(parseAddress('serial:/dev/ttyUSB0?baud=57600&bits=7&parity=odd&hupcl=false')).toEqual({
    kind: 'serial',
    path: '/dev/ttyUSB0',
    settings,
  })
  expect(parseAddress('/dev/ttyUSB0')).toEqual({ kind: 'serial', path: '/dev/ttyUSB0', settings: {} })
  expect(parseAddress('replay:fixtures/dialogs/a.yaml')).toEqual({
    kind: 'replay',
    path: 'fixtures/dialogs/a.yaml',
  })
})

test.each([
  '',
  'ttyUSB0',
  'tcp://a',
  'tcp://a:0',
  'tcp://a:70000',
  'tcp:a:1',
  'serial:ttyUSB0',
  'replay:',
  'udp://a:1',
])('the address %p is refused', (url) => {
  expect(() => parseAddress(url)).toThrow(ConfigError)
})

test('a setting that there is not is named', () => {
  expect(() => parseAddress('serial:/dev/ttyUSB0?buad=9600')).toThrow('cannot use buad=9600: there are baud=')
  expect(() => parseAddress('serial:/dev/ttyUSB0?bits=9')).toThrow('cannot use bits=9')
})
