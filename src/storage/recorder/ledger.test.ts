import { afterAll, expect, spyOn, test } from 'bun:test'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ledger } from './ledger.ts'
import { cleanUp, data, declaration, record, T0, TestEpoch } from './recorder.test-aid.ts'

afterAll(cleanUp)

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
  // A frame that the ledger knew already changes nothing.
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

test('a data directory that a newer ocs records in is refused in words, and nothing is written there', async () => {
  const dir = data()
  const files = () => readdirSync(dir, { recursive: true }).filter((name) => !String(name).includes('lock'))
  const text = Ledger.prototype.text
  const newer = spyOn(Ledger.prototype, 'text').mockImplementation(function (this: Ledger, open) {
    return text.call(this, open).replace('"version":1', '"version":2')
  })
  const first = await record(dir)
  const epoch = new TestEpoch('a', 'e1', declaration({ it: { x: 'double' } })).add('it', [T0], { x: [1] })
  epoch.feed(first.recorder)
  await first.recorder[Symbol.asyncDispose]()
  newer.mockRestore()
  const before = files()
  expect(before.some((name) => String(name).endsWith('.g3'))).toBe(true)
  const words = 'has version 2, from a newer ocs; this one knows 1: run the newer one, or record into another'
  await expect(record(dir)).rejects.toThrow(`.g3 ${words}`)
  // An older head does not circumvent this.
  const id = join(dir, '.ocs', 'data-dir')
  const kept = readFileSync(id, 'utf8')
  writeFileSync(id, kept.replace('"version":1', '"version":2'))
  await expect(record(dir)).rejects.toThrow(`${id} ${words}`)
  expect(files()).toEqual(before)
  expect(readFileSync(id, 'utf8')).not.toBe(kept)
})

test('text that is no ledger is refused', () => {
  for (const text of ['', '{}', '{"version":2}']) expect(() => Ledger.parse(text, 1)).toThrow()
})
