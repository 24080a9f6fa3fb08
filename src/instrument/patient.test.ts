import { expect, test } from 'bun:test'
import { OpError, TransportError } from '../core/errors.ts'
import { patient } from './patient.ts'
import type { Link } from './transport/link.ts'

/** A link with these replies, one per query; an error is thrown. */
function answering(...replies: (string | Error)[]): Link & { asked: number; ended: AbortController } {
  const ended = new AbortController()
  const link = {
    name: 'it',
    identity: 'ACME',
    closed: ended.signal,
    ended,
    asked: 0,
    query: async () => {
      const reply = replies[link.asked++]
      if (reply instanceof Error) throw reply
      return reply ?? ''
    },
    read: async <T>(_: string, decode: (reply: string) => T) => decode(await link.query()),
    send: async () => {},
    close: async () => {},
  }
  return link
}
const bad = () => new TransportError('unreadable')

test('a question whose reply is bad is asked again, twice; then it has failed', async () => {
  const link = answering(bad(), bad(), '7', bad(), '8')
  expect(await patient(link).read('A?', Number)).toBe(7)
  expect(await patient(link).query('A?')).toBe('8')
  expect(link.asked).toBe(5)
  const failing = answering(bad(), bad(), bad(), '7')
  await expect(patient(failing).query('A?')).rejects.toThrow('unreadable')
  expect(failing.asked).toBe(3)
})

test('what another question cannot mend is not asked again: a refusal, and a link that has ended', async () => {
  const refusing = answering(new OpError('no'), '7')
  await expect(patient(refusing).query('A?')).rejects.toThrow('no')
  expect(refusing.asked).toBe(1)
  const lost = answering(bad(), '7')
  lost.ended.abort(bad())
  await expect(patient(lost).query('A?')).rejects.toThrow('unreadable')
  expect(lost.asked).toBe(1)
})
