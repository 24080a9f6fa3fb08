import { expect, jest, test } from 'bun:test'
import { TransportError } from '../core/errors.ts'
import { Connection } from './instrument-connection.ts'

test('however long a port was missing, one that is lost right after is opened again at once', async () => {
  const stop = new AbortController()
  const again = Promise.withResolvers<void>()
  let calls = 0
  const connect = async () => {
    calls++
    if (calls <= 30) throw new TransportError('no serial port', { retryMs: 1 })
    if (calls === 32) again.resolve()
    const link = new AbortController()
    if (calls === 31) link.abort(new TransportError('it is gone'))
    return { link: { closed: link.signal, close: async () => {} } }
  }
  const connection = new Connection(connect, { connected: () => {}, failed: () => {} }, stop.signal)
  // With the waits of a connection that has failed 30 times this would outlast the test.
  await again.promise
  expect(calls).toBe(32)
  stop.abort()
  await connection.closed()
})

test('a loose contact: whoever was connected is connected again after a second, time after time', async () => {
  jest.useFakeTimers()
  const stop = new AbortController()
  const times: number[] = []
  const connect = async () => {
    times.push(performance.now())
    const link = new AbortController()
    setTimeout(() => link.abort(new TransportError('it is gone')), 100)
    return { link: { closed: link.signal, close: async () => {} } }
  }
  const connection = new Connection(connect, { connected: () => {}, failed: () => {} }, stop.signal)
  for (let ms = 0; ms < 20_000; ms += 50) {
    jest.advanceTimersByTime(50)
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  }
  expect(times.length).toBeWithin(19, 22)
  stop.abort()
  jest.useRealTimers()
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
