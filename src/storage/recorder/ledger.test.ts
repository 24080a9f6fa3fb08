import { expect, test } from 'bun:test'
import { Ledger } from './ledger.ts'

const DAY = 86_400
const from = (feed: string, epoch: string) => ({ spool: 's', instance: 'it', feed, epoch })

test('comes back from its text, and from the frames behind it', () => {
  const ledger = new Ledger('uuid')
  const entry = ledger.entry(from('a', 'e1'))
  expect(ledger.provider(entry)).toBe(0)
  ledger.types('r.it.feeds.a').set('x', 'int')
  ledger.written(entry, 10, [{ first: 4, last: 6 }])
  const { ledger: again, open } = Ledger.parse(ledger.text(['17000/1700000000.g3']), 7)
  expect([again.dataDir, again.generation, open]).toEqual(['uuid', 7, ['17000/1700000000.g3']])
  const data = { kind: 'data', time: 1, address: 'r.it.feeds.b', gaps: [] } as const
  const types = new Map([['y', 'string']] as const)
  again.found({ ...data, from: from('b', 'e2'), provider: 5, first: 1, last: 3, samples: 3, types })
  // What the ledger knew already changes nothing.
  again.found({
    ...data,
    from: from('a', 'e1'),
    provider: 0,
    first: 1,
    last: 9,
    samples: 9,
    types: new Map(),
  })
  const gap = { ...from('b', 'e2'), first: 4, last: 8, reason: 'gone' }
  again.found({ kind: 'status', time: 2, providers: [0, 5, 8], gaps: [gap], head: undefined })
  expect(again.find(from('a', 'e1'))?.last).toBe(10)
  expect(again.find(from('b', 'e2'))?.last).toBe(8)
  expect(again.types('r.it.feeds.b').get('y')).toBe('string')
  expect(again.gaps).toEqual({ gaps: 2, rows: 8 })
  expect(again.provider(again.entry(from('c', 'e3')))).toBe(9)
})

test('lets go of epochs that ended 90 days ago, never of a feed’s newest', () => {
  const ledger = new Ledger('uuid')
  const now = Date.now() / 1000
  const touched = { e1: now - 200 * DAY, e2: now - 100 * DAY, e3: now - 91 * DAY, e4: now - 89 * DAY }
  for (const [epoch, time] of Object.entries(touched)) ledger.entry(from('a', epoch)).touched = time
  ledger.entry(from('b', 'old')).touched = now - 400 * DAY
  ledger.prune(now)
  const kept = Object.keys(touched).filter((epoch) => ledger.find(from('a', epoch)))
  expect(kept).toEqual(['e4'])
  expect(ledger.find(from('b', 'old'))).toBeDefined()
})

test('text that is no ledger is refused', () => {
  for (const text of ['', '{}', '{"version":2}']) expect(() => Ledger.parse(text, 1)).toThrow()
})
