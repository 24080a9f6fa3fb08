import { expect, test } from 'bun:test'
import { ConfigError } from '../../core/errors.ts'
import { parseAddress } from './address.ts'

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

test('what is not said has its usual value', () => {
  expect(parseAddress('udp://a:1')).toEqual({ kind: 'udp', host: 'a', port: 1 })
  expect(parseAddress('prologix://a/5')).toEqual({ kind: 'prologix', host: 'a', port: 1234, gpib: 5 })
  expect(parseAddress('modbus://a')).toEqual({ kind: 'modbus', host: 'a', port: 502, unit: 1 })
  expect(parseAddress('modbus://[::1]:1502/0')).toEqual({ kind: 'modbus', host: '::1', port: 1502, unit: 0 })
  expect(parseAddress('snmp://a?version=1&community=lab')).toEqual({
    kind: 'snmp',
    host: 'a',
    port: 161,
    settings: { version: 1, community: 'lab', user: 'ocs' },
  })
  expect(parseAddress('https://a/api')).toEqual({ kind: 'http', url: 'https://a/api' })
  expect(parseAddress('file:/data/{yy}/*.log')).toEqual({ kind: 'file', pattern: '/data/{yy}/*.log' })
})

test('an address of a known kind is answered with its form, any other with all', () => {
  expect(() => parseAddress('prologix://a:1234')).toThrow('"prologix://a:1234" is not an address of the form')
  expect(() => parseAddress('prologix://a:1234')).toThrow('as in prologix://10.0.0.4/5')
  expect(() => parseAddress('10.0.0.4')).toThrow('write one such as tcp://10.0.0.4:7777, serial:')
  expect(() => parseAddress('snmp://a?comunity=x')).toThrow('cannot use comunity=x: there are version=1|2|3')
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
  'udp://a',
  'prologix://a',
  'prologix://a/31',
  'modbus://a/256',
  'modbus://a:b',
  'snmp:a',
  'snmp://a/1',
  'http://',
  'file:logs/*.log',
  'gpib://a:1',
])('the address %p is refused', (url) => {
  expect(() => parseAddress(url)).toThrow(ConfigError)
})

test('a setting that there is not is named', () => {
  expect(() => parseAddress('serial:/dev/ttyUSB0?buad=9600')).toThrow('cannot use buad=9600: there are baud=')
  expect(() => parseAddress('serial:/dev/ttyUSB0?bits=9')).toThrow('cannot use bits=9')
})
