import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandLine } from './ctrl/ctrl.test-aid.ts'
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
  expect(() => listening(at('0.0.0.0:1883'), ports, false)).toThrow('leave the port out, for 8883')
  expect(listening(at('0.0.0.0'), ports, true)).toEqual([{ host: '0.0.0.0', port: 1883, tls: false }])
})

test('where the site file has the plain port on that of TLS, another is asked for, whether one was given or not', () => {
  // wamp_server: ws://127.0.0.1:8080, and 8080 is where WebSocket over TLS is by default.
  const same = { plain: 8080, tls: 8080 }
  for (const place of ['0.0.0.0', '0.0.0.0:8080'])
    expect(() => listening(at(place), same, false)).toThrow(
      /^port 8080 is where .* without TLS: give another/,
    )
  expect(listening(at('0.0.0.0:8443'), same, false)).toEqual([
    { ...local, port: 8080 },
    { host: '0.0.0.0', port: 8443, tls: true },
  ])
})

test('a hub that does not listen where clients are led to says so, and how it would', async () => {
  const state = mkdtempSync(join(tmpdir(), 'led-elsewhere-'))
  const here = ['--listen', '127.0.0.1:0', '--listen-ws', '127.0.0.1:0']
  const said = async (url: string) => {
    const hub = commandLine(['hub', '--site-hub', url, ...here], { state })
    await hub.says('listening on ws')
    hub.terminate()
    await hub.code
    return hub.err()
  }
  expect(await said('mqtts://grumpy.lab:8883')).toContain(
    'clients are led to mqtts://grumpy.lab:8883, and this hub listens on this machine alone: ocs hub --listen 0.0.0.0:8883',
  )
  expect(await said('wss://grumpy.lab:8080/ws')).toContain('ocs hub --listen-ws 0.0.0.0:8080')
  expect(await said('mqtt://localhost:1883')).not.toContain('clients are led')
  rmSync(state, { recursive: true })
})
