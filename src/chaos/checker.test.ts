import { expect, test } from 'bun:test'
import { type Evidence, judge as judged, type Recorded } from './checker.ts'
import type { Strike } from './fault-event.ts'
import type { Sent } from './sent-reading.ts'

const reads = { period: 0.25, perPoll: 4, settle: 0 }
/** Forty polls of four readings, 10 ms apart, from t = 100 s on. */
const sent: Sent[] = Array.from({ length: 160 }, (_, i) => ({
  t: 100 + Math.floor(i / 4) * 0.25 + (i % 4) * 0.01,
  channel: 1 + (i % 4),
  quantity: 'sensor',
  value: i + 1,
}))
const recordedBut = (...missing: number[]): Recorded[] =>
  sent
    .filter(({ value }) => !missing.includes(value))
    .map(({ channel, value }) => ({ field: `Channel_${channel}_V`, value, t: timeOf(value) }))
/** When the agent took the time of a poll: just before its first reading was sent. */
const timeOf = (value: number) => 99.998 + Math.floor((value - 1) / 4) * 0.25
const evidence = (more: Partial<Evidence>): Evidence => ({
  agent: 'ls240',
  reads,
  sent,
  recorded: recordedBut(),
  taken: [],
  live: new Set(),
  ...more,
})
const strike = (fault: string, begin: number, end: number, more: Partial<Strike> = {}): Strike => ({
  ...{ fault, target: 'ls240', kind: 'agent', begin, end, back: end + 1 },
  ...more,
})
const judge = (list: readonly Evidence[], strikes: readonly Strike[]) => judged(list, strikes, [])
/** The poll at 104 s, which is the 17th. */
const POLL = [65, 66, 67, 68]
const values = (list: readonly { readonly value: number }[]) => list.map(({ value }) => value)

test('all that was sent and is recorded once is well', () => {
  const verdict = judge([evidence({})], [strike('kill', 104, 105)])
  expect(verdict).toMatchObject({
    ...{ sent: 160, recorded: 160, taken: 0 },
    ...{ lost: [], doubled: [], unknown: [], shifted: [] },
  })
  expect(verdict.cost.size).toBe(0)
})

test('a reading that is missing without a fault is lost, and one after a fault of another too', () => {
  expect(values(judge([evidence({ recorded: recordedBut(20) })], []).lost)).toEqual([20])
  const hub = strike('kill', 103.9, 104.2, { target: 'hub', kind: 'hub' })
  const { lost } = judge([evidence({ recorded: recordedBut(...POLL) })], [hub])
  expect(values(lost)).toEqual(POLL)
  expect(lost[0]?.strike).toBe(hub)
})

test('what an agent read last before its end is its own cost', () => {
  const before = sent.filter(({ t }) => t < 104.05)
  const recorded = recordedBut(...POLL).filter(({ value }) => value <= before.length)
  const kill = strike('kill', 104.05, 104.06)
  const verdict = judge([evidence({ sent: before, recorded })], [kill])
  expect(verdict.lost).toEqual([])
  expect(verdict.cost.get(kill)).toEqual({ readings: 4, seconds: expect.closeTo(0.03) })
})

test('what an agent read before something that is recorded is lost, though it was killed then', () => {
  const { lost } = judge([evidence({ recorded: recordedBut(61, 62) })], [strike('kill', 104.05, 104.06)])
  expect(values(lost)).toEqual([61, 62])
})

test('what an agent read long before its end is lost', () => {
  const before = sent.filter(({ t }) => t < 104.05)
  const { lost } = judge(
    [evidence({ sent: before, recorded: recordedBut().slice(0, 40) })],
    [strike('kill', 104.05, 104.06)],
  )
  // 2 polls and 1 s of a commit are allowed.
  expect(values(lost)).toEqual(values(before.slice(40)).filter((value) => value <= 44))
})

test('what was seen live has to be recorded, whatever happened', () => {
  const before = sent.filter(({ t }) => t < 104.05)
  const recorded = recordedBut(...POLL).filter(({ value }) => value <= before.length)
  const kill = strike('kill', 104.05, 104.06)
  const { lost } = judge([evidence({ sent: before, recorded, live: new Set([66]) })], [kill])
  expect(lost).toMatchObject([{ value: 66, why: 'seen live, not recorded' }])
})

test('a fault of an instrument explains two polls about it, no more', () => {
  const garbage = strike('garbage', 104, 105, { kind: 'instrument' })
  const after = (...missing: number[]) => judge([evidence({ recorded: recordedBut(...missing) })], [garbage])
  expect(after(65, 66).lost).toEqual([])
  expect(values(after(...POLL, 70, 71, 73, 74, 77).lost)).toEqual([77])
  expect(values(after(150).lost)).toEqual([150])
})

test('a poll under way counts as one, however slow the machine', () => {
  const stretched = sent.map((reading) => ({ ...reading, t: 100 + 8 * (reading.t - 100) }))
  const kill = strike('kill', 132.1, 132.2)
  const before = stretched.filter(({ t }) => t < kill.begin)
  const recorded = recordedBut().filter(({ value }) => value <= before.length - 5)
  expect(judge([evidence({ sent: before, recorded })], [kill]).lost).toEqual([])
  const { lost } = judge([evidence({ sent: before, recorded: recorded.slice(0, -4) })], [kill])
  expect(values(lost)).toEqual([before.length - 8])
})

test('a reading that its agent waited for too long is no loss, unless it was seen', () => {
  const late = sent.map((reading) => (reading.value > 80 ? { ...reading, t: reading.t + 2 } : reading))
  const one = { sent: late, recorded: recordedBut(80, 81) }
  expect(judge([evidence(one)], [])).toMatchObject({ lost: [], slow: 2 })
  expect(values(judge([evidence({ ...one, live: new Set([81]) })], []).lost)).toEqual([81])
  const channel = late.map((reading) => (reading.value === 79 ? { ...reading, channel: 4 } : reading))
  expect(judge([evidence({ sent: channel, recorded: recordedBut(79, 80) })], []).slow).toBe(2)
  expect(values(judge([evidence({ sent: late, recorded: recordedBut(79) })], []).lost)).toEqual([79])
})

test('an instrument that settles is not missed for so long after its agent came back', () => {
  const slow = { ...reads, settle: 3 }
  const all = sent.filter(({ t }) => t >= 104 && t < 107).map(({ value }) => value)
  const kill = strike('kill', 103.9, 103.95)
  const verdict = judge([evidence({ reads: slow, recorded: recordedBut(...all) })], [kill])
  expect(verdict).toMatchObject({ lost: [], settling: all.length })
  const { lost } = judge([evidence({ reads: slow, recorded: recordedBut(155) })], [kill])
  expect(values(lost)).toEqual([155])
})

test('the one answer that a dead agent had asked for is not missed, a second one is', () => {
  const kill = strike('kill', 103.9, 103.95)
  const [first, second] = sent.filter(({ t }) => t > 103.95).map(({ value }) => value)
  const one = judge([evidence({ recorded: recordedBut(first ?? 0) })], [kill])
  expect(one.lost).toEqual([])
  const two = judge([evidence({ recorded: recordedBut(first ?? 0, second ?? 0) })], [kill])
  expect(values(two.lost)).toEqual([second ?? 0])
})

test('an instrument that was not read for a while settles, too; readings of one reply are late as one', () => {
  const stalled = sent.map((reading) => ({ ...reading, t: reading.t + (reading.value > 80 ? 3 : 0) }))
  const [missed, later] = [81, 150]
  const one = { reads: { ...reads, settle: 3 }, sent: stalled, recorded: recordedBut(missed, later) }
  const { lost, settling } = judge([evidence(one)], [])
  expect([values(lost), settling]).toEqual([[later], 1])
  const pairs = stalled.map((reading) =>
    reading.value === 79 ? { ...reading, t: stalled[79]?.t ?? 0 } : reading,
  )
  expect(judge([evidence({ sent: pairs, recorded: recordedBut(79, 80) })], [])).toMatchObject({
    lost: [],
    slow: 2,
  })
})

test('a reading recorded twice, under another channel or sent by nobody is found', () => {
  const recorded = [
    ...recordedBut(9),
    { field: 'Channel_1_V', value: 5, t: timeOf(5) },
    { field: 'Channel_2_V', value: 9, t: timeOf(9) },
    { field: 'Channel_1_V', value: 999, t: timeOf(9) },
  ]
  const verdict = judge([evidence({ recorded })], [])
  expect(values(verdict.doubled)).toEqual([5])
  expect(verdict.unknown).toMatchObject([
    { value: 9, why: 'recorded as Channel_2_V' },
    { value: 999, why: 'in Channel_1_V, never sent' },
  ])
  expect(values(verdict.lost)).toEqual([9])
})

test('times that are all shifted by half a second are found, and all is there', () => {
  const shifted = (by: number) => recordedBut().map((reading) => ({ ...reading, t: reading.t + by }))
  const late = judge([evidence({ recorded: shifted(0.5) })], [])
  expect(late).toMatchObject({ recorded: 160, lost: [], doubled: [], unknown: [], bounds: null })
  expect(late.shifted).toHaveLength(160)
  expect(late.shifted[0]).toMatchObject({ agent: 'ls240', value: 1, t: 100 })
  expect(judge([evidence({ recorded: shifted(-0.5) })], []).shifted).toHaveLength(156)
  const { bounds } = judge([evidence({})], [])
  expect(bounds?.median).toBeCloseTo(0.22)
  expect(bounds?.max).toBeCloseTo(0.22)
})

test('what is in files that were taken away is not lost, and may be in another too', () => {
  const recorded = recordedBut(...POLL)
  const taken = recordedBut().slice(60, 70)
  const verdict = judge([evidence({ recorded, taken, live: new Set([66]) })], [])
  expect(verdict).toMatchObject({ recorded: 160, taken: 4, lost: [], doubled: [], shifted: [] })
  const bad = [...taken, { field: 'Channel_1_V', value: 999, t: 100 }]
  expect(values(judge([evidence({ recorded, taken: bad })], []).unknown)).toEqual([999])
  const shifted = taken.map((reading) => ({ ...reading, t: reading.t + 0.5 }))
  expect(values(judge([evidence({ recorded, taken: shifted })], []).shifted)).toEqual(POLL)
})
