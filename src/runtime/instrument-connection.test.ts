import { afterEach, expect, jest, test } from 'bun:test'
import { TransportError } from '../core/errors.ts'
import { Connection } from './instrument-connection.ts'

afterEach(() => {
  jest.useRealTimers()
})

/** Advances time one ms at a time and runs everything that each step triggers. */
async function pass(ms: number) {
  for (let n = 0; n < ms; n++) {
    jest.advanceTimersByTime(1)
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  }
}

test('however long a port was missing, one that is lost right after is opened again a second later', async () => {
  jest.useFakeTimers()
  const stop = new AbortController()
  let calls = 0
  const connect = async () => {
    calls++
    if (calls <= 30) throw new TransportError('no serial port', { retryMs: 1 })
    const link = new AbortController()
    if (calls === 31) link.abort(new TransportError('it is gone'))
    return { link: { closed: link.signal, close: async () => {} } }
  }
  const connection = new Connection(connect, { connected: () => {}, failed: () => {} }, stop.signal)
  await pass(31)
  expect(calls).toBe(31)
  await pass(999)
  expect(calls).toBe(31)
  // With the delays of a connection that has failed 30 times, this would take half a minute.
  await pass(1)
  expect(calls).toBe(32)
  stop.abort()
  await connection.closed()
})

test('a loose contact: whoever was connected is connected again after a second, time after time', async () => {
  jest.useFakeTimers()
  const stop = new AbortController()
  let calls = 0
  const connect = async () => {
    calls++
    const link = new AbortController()
    setTimeout(() => link.abort(new TransportError('it is gone')), 100)
    return { link: { closed: link.signal, close: async () => {} } }
  }
  const connection = new Connection(connect, { connected: () => {}, failed: () => {} }, stop.signal)
  await pass(20_000 - 1)
  expect(calls).toBe(20)
  stop.abort()
  await connection.closed()
})

test('who has waited for an instrument leaves nothing behind on its signal', async () => {
  const stop = new AbortController()
  const op = new AbortController()
  let listeners = 0
  const { addEventListener, removeEventListener } = op.signal
  op.signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
    listeners++
    addEventListener.apply(op.signal, given)
  }
  op.signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
    listeners--
    removeEventListener.apply(op.signal, given)
  }
  const connection = new Connection(async () => ({}), { connected: () => {}, failed: () => {} }, stop.signal)
  expect(await connection.wait(op.signal, () => {})).toEqual({})
  expect(listeners).toBe(0)
  stop.abort()
  await connection.closed()
})
