import type { Reads } from './instruments.ts'
import type { Strike } from './strike.ts'

/** One number that an instrument sent: no other reading of it is the same. */
export interface Sent {
  readonly t: number
  readonly channel: number | 'A'
  readonly quantity: string
  readonly value: number
}
/** One number in the files. */
export interface Recorded {
  readonly field: string
  readonly value: number
}
/** All that is known of one instrument's readings. */
export interface Evidence {
  readonly agent: string
  readonly reads: Reads
  /** In the order they were sent. */
  readonly sent: readonly Sent[]
  readonly recorded: readonly Recorded[]
  /** Numbers seen on the bus. */
  readonly live: ReadonlySet<number>
}
/** A reading that is not recorded as it should be. */
export interface Wrong {
  readonly agent: string
  readonly value: number
  /** When it was sent; absent for what nobody sent. */
  readonly t?: number
  /** The fault that began last before it. */
  readonly strike: Strike | undefined
  readonly why: string
}
export interface Verdict {
  readonly sent: number
  readonly recorded: number
  readonly lost: readonly Wrong[]
  readonly doubled: readonly Wrong[]
  /** Recorded, but no instrument sent it so. */
  readonly unknown: readonly Wrong[]
  /** Readings that went with an agent's own end or a fault of its instrument, by fault, with the seconds they span. */
  readonly cost: ReadonlyMap<Strike, { readonly readings: number; readonly seconds: number }>
  /** Readings that were left out since their instrument had to settle, after a start or a fault. */
  readonly settling: number
  /** Readings whose exchange took longer than their agent's patience, on a busy machine. */
  readonly slow: number
}

/** Seconds a commit to the spool may take: 25 ms and one sync, more on a busy disk. */
const COMMIT = 1
/** Seconds an agent waits for a reply before it takes its instrument for out of step. */
const PATIENCE = 2
/** Faults that end an agent's process. */
const ENDS: readonly string[] = ['kill', 'term', 'end']

/**
 * Compares what instruments sent with what the files hold. An agent's own end may cost the poll under way and what waits
 * for its commit; a fault of an instrument, or an agent that stood still, the polls it hits. All else has to be recorded,
 * once; what was seen live has to be in any case.
 */
export function judge(evidence: readonly Evidence[], strikes: readonly Strike[]): Verdict {
  const found = evidence.map((one) => judgeOne(one, strikes))
  const cost = new Map(found.flatMap((one) => [...one.cost]))
  const sum = (of: (one: Verdict) => number) => found.reduce((total, one) => total + of(one), 0)
  return {
    sent: sum(({ sent }) => sent),
    recorded: sum(({ recorded }) => recorded),
    lost: found.flatMap(({ lost }) => lost),
    doubled: found.flatMap(({ doubled }) => doubled),
    unknown: found.flatMap(({ unknown }) => unknown),
    cost,
    settling: sum(({ settling }) => settling),
    slow: sum(({ slow }) => slow),
  }
}

function judgeOne({ agent, reads, sent, recorded, live }: Evidence, strikes: readonly Strike[]): Verdict {
  const known = new Map(sent.map((reading) => [reading.value, reading]))
  const times = new Map<number, number>()
  const doubled: Wrong[] = []
  const unknown: Wrong[] = []
  const wrong = (value: number, t: number | undefined, why: string): Wrong => {
    const strike = t === undefined ? undefined : strikes.findLast(({ begin }) => begin <= t)
    return { agent, value, ...(t !== undefined && { t }), strike, why }
  }
  for (const { field, value } of recorded) {
    const from = known.get(value)
    if (!from || !isOf(field, from)) {
      unknown.push(wrong(value, from?.t, from ? `recorded as ${field}` : `in ${field}, sent by nobody`))
      continue
    }
    const before = times.get(value) ?? 0
    times.set(value, before + 1)
    if (before === 1) doubled.push(wrong(value, from.t, 'recorded twice'))
  }
  const lost: Wrong[] = []
  const cost = new Map<Strike, { readings: number; first: number; last: number }>()
  const excuses = strikes
    .filter(({ target }) => target === agent)
    .flatMap((strike) => [excuseOf(strike, reads, sent, times), ...settlingAfter(strike, reads, sent)])
    .sort((a, b) => Number(a.settling) - Number(b.settling))
  let settling = 0
  let slow = 0
  for (const [at, { value, t }] of sent.entries()) {
    if (times.has(value)) continue
    const excuse = live.has(value)
      ? undefined
      : excuses.find((one) => one.from <= t && t <= one.to && one.left > 0)
    if (!excuse && !live.has(value) && isSlow(sent, at)) {
      slow++
      continue
    }
    if (!excuse) {
      lost.push(wrong(value, t, live.has(value) ? 'seen live, not recorded' : 'not recorded'))
      continue
    }
    excuse.left--
    if (excuse.settling) {
      settling++
      continue
    }
    const so = cost.get(excuse.strike) ?? { readings: 0, first: t, last: t }
    cost.set(excuse.strike, { ...so, readings: so.readings + 1, last: t })
  }
  return {
    sent: sent.length,
    recorded: times.size,
    lost,
    doubled,
    unknown,
    settling,
    slow,
    cost: new Map(
      [...cost].map(([strike, { readings, first, last }]) => [strike, { readings, seconds: last - first }]),
    ),
  }
}

interface Excuse {
  readonly strike: Strike
  readonly from: number
  readonly to: number
  /** Readings that it may still explain. */
  left: number
  readonly settling: boolean
}

/** Which missing readings an agent's end, or a fault of it or its instrument, explains. */
function excuseOf(
  strike: Strike,
  { period, perPoll }: Reads,
  sent: readonly Sent[],
  times: ReadonlyMap<number, number>,
): Excuse {
  const { fault, begin, end } = strike
  // On a busy machine a poll takes longer than it should: it is told by its readings then.
  const first = sent.findLastIndex(({ t }) => t <= begin) + 1
  const from = Math.min(begin - 2 * period - COMMIT, sent[Math.max(0, first - 2 * perPoll)]?.t ?? begin)
  if (!ENDS.includes(fault)) {
    const next = sent.findIndex(({ t }) => t > end)
    const to = Math.max(end + PATIENCE + period, (next >= 0 && sent[next + perPoll]?.t) || end)
    return { strike, from, to, left: 2 * perPoll, settling: false }
  }
  // What goes with an agent is the last it read: nothing after that is recorded.
  const last = sent.findLast(({ t, value }) => t <= end && times.has(value))?.t ?? 0
  return { strike, from: Math.max(from, last), to: end, left: Infinity, settling: false }
}

/** Whether a reading's agent waited for it, or for the next one, longer than it does. */
function isSlow(sent: readonly Sent[], at: number): boolean {
  const [before, here, after] = [sent[at - 1], sent[at], sent[at + 1]].map((reading) => reading?.t)
  const gap = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined ? 0 : b - a
  return Math.max(gap(before, here), gap(here, after)) > 0.95 * PATIENCE
}

/** After a fault an instrument may count as just connected: what it sends first is left out then. */
function settlingAfter(strike: Strike, { period, settle }: Reads, sent: readonly Sent[]): Excuse[] {
  if (settle === 0) return []
  const { begin, end } = strike
  const again = sent.find(({ t }) => t > end)?.t ?? end
  return [{ strike, from: begin, to: again + settle + period + COMMIT, left: Infinity, settling: true }]
}

/** Whether a field is that of a reading: `Channel_3_T`, `Channel_01_R`. */
function isOf(field: string, { channel, quantity }: Sent): boolean {
  const [, number, letter] = /^Channel_0*(\d+)_([TVR])$/.exec(field) ?? []
  return Number(number) === channel && (letter === 'T') === (quantity === 'kelvin')
}
