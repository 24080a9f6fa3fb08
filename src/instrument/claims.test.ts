import { expect, test } from 'bun:test'
import { addressClaims } from './claims.ts'

test('each computer has its own instrument at loopback; a name that only begins so is one place for all', () => {
  const isLocal = (host: string) => addressClaims(`tcp://${host}:7777`, {}).map(({ local }) => local)
  expect(['localhost', '127.0.0.2', '[::1]'].map(isLocal)).toEqual([[true], [true], [true]])
  expect(['localhost.example', '127.example'].map(isLocal)).toEqual([[false], [false]])
})
