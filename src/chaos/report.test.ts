import { expect, test } from 'bun:test'
import type { Verdict } from './checker.ts'
import type { Strike } from './fault-event.ts'
import { findingOf, report } from './report.ts'

const about = { seed: 7, reader: 'spt3g', command: 'ocs chaos --seed 7', dir: '/tmp/run' } as const
const strike = (fault: string, target: string, kind: string, begin: number, back?: number): Strike => ({
  ...{ fault, target, kind, begin, end: begin + 1, back },
})
const strikes = [
  strike('start', 'ls240', 'agent', 0, 1),
  strike('kill', 'hub', 'hub', 10, 11.5),
  strike('kill', 'ls240', 'agent', 20, 21.25),
  // The hub is away while the agent comes back: that recovery is not measured.
  strike('kill', 'ls240', 'agent', 30, 33),
  strike('kill', 'hub', 'hub', 31.5, 34.5),
  strike('kill', 'ls240', 'agent', 40, 42),
  strike('kill', 'ls240', 'agent', 50),
]
const verdict: Verdict = {
  sent: 1000,
  recorded: 990,
  taken: 0,
  lost: [],
  doubled: [],
  unknown: [],
  shifted: [],
  bounds: { median: 0.125, max: 4 },
  cost: new Map([
    [strikes[2] as Strike, { readings: 6, seconds: 0.2 }],
    [strikes[3] as Strike, { readings: 4, seconds: 0.1 }],
  ]),
  settling: 0,
  slow: 0,
}

test('the table counts faults, what they cost and how long what they hit was away', () => {
  const finding = findingOf({ strikes, verdict, foreign: {}, deaths: [], troubles: [] }, about)
  expect(finding).toMatchObject({ ok: true, strikes: 6, cost: 10, worst: { readings: 6, seconds: 0.2 } })
  const [agent, hub] = finding.faults
  expect(agent).toMatchObject({ fault: 'kill', of: 'agent', count: 4, cost: 10, away: 1 })
  expect(agent?.back).toEqual({ measured: 2, median: 1, max: 1 })
  expect(hub).toMatchObject({ of: 'hub', count: 2, back: { measured: 2, median: 2, max: 2 } })
  const text = report(finding)
  expect(text).toMatch(/^kill +agent +4 +0 +0 +10 +1\.00 s +1\.00 s +2, 1 not seen back$/m)
  expect(text).toContain('seed 7: 6 faults; 1000 readings sent, 990 recorded, as spt3g reads the files\n')
  expect(text).toEndWith('0 lost, 0 doubled, 0 shifted\n')
})

test('what is lost stands in the row of the fault before it, and by itself', () => {
  const wrong = { agent: 'ls240', value: 42, t: 21.5, strike: strikes[2], why: 'not recorded' }
  const lost = findingOf(
    { strikes, verdict: { ...verdict, lost: [wrong] }, foreign: {}, deaths: [], troubles: [] },
    about,
  )
  expect(lost.ok).toBe(false)
  expect(lost.faults.map((row) => row.lost)).toEqual([1, 0])
  const text = report(lost)
  expect(text).toContain(
    'LOST: reading 42 of 1970-01-01T00:00:21.500Z of ls240: not recorded, after: kill ls240\n',
  )
  expect(text).toEndWith('1 lost, 0 doubled, 0 shifted\n')
  expect(findingOf({ strikes, verdict, foreign: {}, deaths: ['hub ended'], troubles: [] }, about).ok).toBe(
    false,
  )
})

test('what is shifted or was taken away is said', () => {
  const wrong = { agent: 'ls240', value: 42, t: 21.5, strike: strikes[2], why: 'its time is 0.500 s off' }
  const found = findingOf(
    { strikes, verdict: { ...verdict, taken: 12, shifted: [wrong] }, foreign: {}, deaths: [], troubles: [] },
    about,
  )
  expect(found).toMatchObject({ ok: false, taken: 12, shifted: [{ value: 42 }] })
  const text = report(found)
  expect(text).toContain('SHIFTED: reading 42 of 1970-01-01T00:00:21.500Z of ls240: its time is 0.500 s off')
  expect(text).toContain('12 of the recorded ones are only in closed files that were moved away\n')
  expect(text).toContain('each time was held within 0.125 s (median), 4.000 s at most\n')
  expect(text).toEndWith('0 lost, 0 doubled, 1 shifted\n')
})
