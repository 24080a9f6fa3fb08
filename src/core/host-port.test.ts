import { expect, test } from 'bun:test'
import { hostPort, isLoopback, splitHostPort } from './host-port.ts'

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

test('a host and its port are taken apart', () => {
  for (const [text, host, port] of [
    ['127.0.0.1:1883', '127.0.0.1', 1883],
    ['grumpy.lab:0', 'grumpy.lab', 0],
    ['[::1]:65535', '::1', 65_535],
    ['8080', undefined, 8080],
    [':8080', undefined, 8080],
  ] as const)
    expect([text, splitHostPort(text)]).toEqual([text, { host, port }])
  for (const text of ['', 'grumpy', 'grumpy:', 'grumpy:65536', '::1:80', '[::1]80', '[grumpy]:80', 'a:1:2'])
    expect([text, splitHostPort(text)]).toEqual([text, undefined])
})
