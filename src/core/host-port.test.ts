import { expect, test } from 'bun:test'
import { hostPort, isLoopback } from './host-port.ts'

test('loopback is known by name and address, however it is spelt; nothing else is', () => {
  for (const host of ['localhost', 'LOCALHOST.', 'ocs.localhost', '127.0.0.1', '127.8.9.1', '::1', '[::1]'])
    expect([host, isLoopback(host)]).toEqual([host, true])
  for (const host of ['localhost.example', '128.0.0.1', '127.0.0.1.example', '::2', '0.0.0.0', ''])
    expect([host, isLoopback(host)]).toEqual([host, false])
})

test('an address of IPv6 stands in brackets, once', () => {
  expect(['::1', '[::1]', '127.0.0.1'].map((host) => hostPort(host, 80))).toEqual([
    ...['[::1]:80', '[::1]:80'],
    '127.0.0.1:80',
  ])
})
