import { expect, test } from 'bun:test'
import { UsageError } from '../core/errors.ts'
import { listening, type Place, places } from './listen-flags.ts'

const ports = { plain: 1883, tls: 8883 }
const local = { host: '127.0.0.1', port: 1883, tls: false }
const at = (...texts: string[]) => texts.reduce<Place[]>((before, text) => places(text, before), [])

test('an address is given with its port or without', () => {
  expect(at('0.0.0.0', '[::]', 'grumpy.lab', '10.0.0.7:1', '[::1]:2', '3')).toEqual([
    { host: '0.0.0.0' },
    { host: '::' },
    { host: 'grumpy.lab' },
    { host: '10.0.0.7', port: 1 },
    { host: '::1', port: 2 },
    { host: '127.0.0.1', port: 3 },
  ])
  expect(() => at('a:b')).toThrow('ADDR:PORT')
})

test('beyond this machine the hub listens over TLS, beside the plain port that its own roles use', () => {
  expect(listening(undefined, ports, false)).toEqual([local])
  expect(listening(at('0.0.0.0'), ports, false)).toEqual([local, { host: '0.0.0.0', port: 8883, tls: true }])
  expect(listening(at('0.0.0.0', '127.0.0.1:7'), ports, false)).toEqual([
    { host: '0.0.0.0', port: 8883, tls: true },
    { ...local, port: 7 },
  ])
  expect(() => listening(at('0.0.0.0:1883'), ports, false)).toThrow(UsageError)
  expect(listening(at('0.0.0.0'), ports, true)).toEqual([{ host: '0.0.0.0', port: 1883, tls: false }])
})
