import { expect, test } from 'bun:test'
import { TransportError } from '../../core/errors.ts'
import { Patience } from './patience.ts'

const never = () => new Promise<never>(() => {})

test('what is silent for too long is waited for no longer, and says so', async () => {
  using patience = new Patience(new AbortController().signal, 5)
  const waited = await patience.of(never()).catch((error: unknown) => error)
  expect(waited).toBeInstanceOf(TransportError)
  expect(patience.signal.aborted).toBe(true)
  // From then on nothing is started.
  expect(await patience.of(never()).catch((error: unknown) => error)).toBe(waited)
})

test('an end that was asked for is told as that', async () => {
  const outer = new AbortController()
  using patience = new Patience(outer.signal)
  const waited = patience.of(never()).catch((error: unknown) => error)
  const why = new Error('Ctrl-C')
  outer.abort(why)
  expect(await waited).toBe(why)
  using late = new Patience(outer.signal)
  expect(await late.of(never()).catch((error: unknown) => error)).toBe(why)
})

test('what comes in time comes', async () => {
  using patience = new Patience(new AbortController().signal)
  expect(await patience.of(Promise.resolve(3))).toBe(3)
  expect(patience.of(Promise.reject(new Error('refused')))).rejects.toThrow('refused')
})
