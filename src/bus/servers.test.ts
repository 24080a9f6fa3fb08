import { expect, test } from 'bun:test'
import { Servers, targetOf } from './servers.ts'
import type { Unreached } from './unreached.ts'

const ABC = 'mqtt://a:1883, mqtts://b:8883,wss://c/ws'
const away: Unreached = { text: 'connection refused', kind: 'away' }
const refused: Unreached = { text: 'no token', kind: 'refused' }

test('addresses are tried in turn; the one that works is stayed with, and tried first when it is lost', () => {
  const servers = new Servers(ABC)
  const tried = () => {
    servers.again()
    return servers.now
  }
  expect(tried()).toBe('mqtt://a:1883')
  expect([tried(), tried(), tried()]).toEqual(['mqtts://b:8883', 'wss://c/ws', 'mqtt://a:1883'])
  expect(tried()).toBe('mqtts://b:8883')
  servers.reached()
  expect([tried(), tried()]).toEqual(['mqtts://b:8883', 'wss://c/ws'])
})

test('the pause grows with each round that has failed, and is short again once one has worked', () => {
  const servers = new Servers(ABC)
  const pauses = Array.from({ length: 18 }, () => {
    servers.again()
    return servers.pauseMs
  })
  expect([...new Set(pauses)]).toEqual([250, 500, 1000, 2000, 4000])
  servers.reached()
  servers.again()
  expect(servers.pauseMs).toBe(250)
  const one = new Servers('mqtt://a:1883')
  for (let n = 0; n < 100; n++) one.again()
  expect(one.pauseMs).toBe(250)
})

test('why none is reached is told by address; a client is refused only when none is left that may let it in', () => {
  const servers = new Servers('mqtt://a:1,mqtt://b:2')
  servers.again()
  servers.failed(refused)
  expect(servers.problem).toEqual({ text: 'mqtt://a:1: no token', kind: 'away' })
  servers.again()
  servers.failed(away)
  expect(servers.problem).toEqual({
    text: 'mqtt://a:1: no token; mqtt://b:2: connection refused',
    kind: 'away',
  })
  servers.failed(refused)
  expect(servers.problem?.kind).toBe('refused')
  servers.reached()
  expect(servers.problem).toBeUndefined()
})

test('nothing of one address is left at the next', () => {
  const keys = Object.keys(targetOf('mqtt://a')).sort()
  for (const url of ['mqtts://b:8883', 'ws://[::1]:8001/ws', 'wss://c/ws?x=1'])
    expect(Object.keys(targetOf(url)).sort()).toEqual(keys)
  expect(targetOf('wss://c/ws?x=1')).toMatchObject({
    protocol: 'wss',
    host: 'c',
    path: '/ws?x=1',
    servername: 'c',
  })
  expect(targetOf('mqtts://[::1]:8883')).toMatchObject({
    host: '::1',
    port: 8883,
    path: undefined,
    servername: undefined,
  })
})
