import { afterEach, expect, test } from 'bun:test'
import { clockByTurns } from '../../test/turns-clock.ts'
import { LineLink } from './line-link.ts'
import { memoryInstrument } from './memory-instrument.test-aid.ts'
import { traceTo } from './trace.ts'

afterEach(() => traceTo(undefined))

test('every command and reply is noted with its times', async () => {
  using _ = clockByTurns()
  const lines: string[] = []
  traceTo((line) => lines.push(line))
  const replies: Record<string, string> = { 'A?': 'yes\r\n', 'LONG?': `${'x'.repeat(1000)}\r\n` }
  const fake = memoryInstrument((command) => replies[command])
  const link = await LineLink.open(fake.transport, { quiet: 1, timeout: 30 })
  await link.query('A?')
  await link.send('B 1')
  await link.query('C?').catch(() => {})
  await link.query('LONG?')
  await link.close()
  const time = /^trace \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /
  const plain = lines.map((line) => {
    expect(line).toMatch(time)
    return line.replace(time, '').replace(/\(\d+\.\d ms\)$/, '(t)')
  })
  expect(plain.slice(0, 5)).toEqual([
    'fake "*IDN?" -> "LSCI,MODEL240-8P,LSA21OQ,1.0" (t)',
    'fake "A?" -> "yes" (t)',
    'fake "B 1" (t)',
    expect.stringMatching(/^fake "C\?" failed: .*no reply in 30 ms \(t\)$/),
    'fake "*IDN?" -> "LSCI,MODEL240-8P,LSA21OQ,1.0" (t)',
  ])
  expect(plain[5]).toMatch(/^fake "LONG\?" -> "x{400}" and 600 characters more \(t\)$/)
})
