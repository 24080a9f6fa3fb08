import { afterEach, expect, test } from 'bun:test'
import { UNHURRIED_MS } from '../../../test/turns-clock.ts'
import { openLink } from './open.ts'
import { serve } from './server.test-aid.ts'
import { traceTo } from './trace.ts'

afterEach(() => traceTo(undefined))

test('every command and reply is noted with its times, whatever the link', async () => {
  const lines: string[] = []
  traceTo((line) => lines.push(line))
  const fake = await serve((command) => ({ 'A?': 'yes\r\n', 'LONG?': `${'x'.repeat(1000)}\r\n` })[command])
  const link = await openLink(fake.url, { quiet: 1, timeout: UNHURRIED_MS })
  await link.query('A?')
  await link.send('B 1')
  await link.query('C?', { timeout: 30 }).catch(() => {})
  await link.query('LONG?')
  await link.close()
  await fake.close()
  const time = /^trace \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /
  const plain = lines.map((line) => {
    expect(line).toMatch(time)
    return line
      .replace(time, '')
      .replace(fake.url.slice(6), 'HOST')
      .replace(/\(\d+\.\d ms\)$/, '(t)')
  })
  expect(plain.slice(0, 5)).toEqual([
    'HOST "*IDN?" -> "LSCI,MODEL240-8P,LSA21OQ,1.0" (t)',
    'HOST "A?" -> "yes" (t)',
    'HOST "B 1" (t)',
    expect.stringMatching(/^HOST "C\?" failed: .*no reply in 30 ms \(t\)$/),
    'HOST "*IDN?" -> "LSCI,MODEL240-8P,LSA21OQ,1.0" (t)',
  ])
  expect(plain[5]).toMatch(/^HOST "LONG\?" -> "x{400}" and 600 more characters \(t\)$/)
  traceTo(undefined)
})
