import { excuseOf, isSlow, settlings } from './expected-loss.ts'
import type { Strike } from './fault-event.ts'
import type { Reads } from './instruments.ts'
import { judgeTimes } from './reading-times.ts'
import type { Sent } from './sent-reading.ts'
import type { ClockStep } from './shifted-clock.ts'

/** One number in the files, and the time that it has there, unix s. */
export interface Recorded {
  readonly field: string
  readonly value: number
  readonly t: number
}
/** All that is known of one instrument's readings. */
export interface Evidence {
  readonly agent: string
  readonly reads: Reads
  /** In the order they were sent. */
  readonly sent: readonly Sent[]
  readonly recorded: readonly Recorded[]
  /** What is in files that were taken away once they were closed: not lost, though the data directory lacks it. */
  readonly taken: readonly Recorded[]
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
  /** Of those that are recorded, readings that are only in files that were taken away. */
  readonly taken: number
  readonly lost: readonly Wrong[]
  readonly doubled: readonly Wrong[]
  /** Recorded, but no instrument sent it so. */
  readonly unknown: readonly Wrong[]
  /** Recorded with a time at which they were not read. */
  readonly shifted: readonly Wrong[]
  /** How near to the truth times were held: the bounds of each lie so far apart, s; null where there are none. */
  readonly bounds: { readonly median: number; readonly max: number } | null
  /** Readings that went with an agent's own end or a fault of its instrument, by fault, with the seconds they span. */
  readonly cost: ReadonlyMap<Strike, { readonly readings: number; readonly seconds: number }>
  /** Readings that were left out since their instrument had to settle, after a start or a fault. */
  readonly settling: number
  /** Readings whose exchange took longer than their agent's patience, on a busy machine. */
  readonly slow: number
}

/**
 * Compares what instruments sent with what the files hold. An agent's own end may cost the poll under way and what waits
 * for its commit; a fault of an instrument, or an agent that stood still, the polls it hits. All else has to be recorded,
 * once, with the time at which it was read; what was seen live has to be in any case.
 * @param steps when the clock of the agents was set
 */
export function judge(
  evidence: readonly Evidence[],
  strikes: readonly Strike[],
  steps: readonly ClockStep[],
): Verdict {
  const found = evidence.map((one) => judgeOne(one, strikes, steps))
  const cost = new Map(found.flatMap((one) => [...one.cost]))
  const bounds = found.flatMap((one) => one.bounds).sort((a, b) => a - b)
  const median = bounds[Math.floor(bounds.length / 2)]
  const sum = (of: (one: One) => number) => found.reduce((total, one) => total + of(one), 0)
  return {
    sent: sum(({ sent }) => sent),
    recorded: sum(({ recorded }) => recorded),
    taken: sum(({ taken }) => taken),
    lost: found.flatMap(({ lost }) => lost),
    doubled: found.flatMap(({ doubled }) => doubled),
    unknown: found.flatMap(({ unknown }) => unknown),
    shifted: found.flatMap(({ shifted }) => shifted),
    bounds: median === undefined ? null : { median, max: bounds.at(-1) ?? median },
    cost,
    settling: sum(({ settling }) => settling),
    slow: sum(({ slow }) => slow),
  }
}

/** What the readings of one agent come to; the bounds of each time, s apart. */
type One = Omit<Verdict, 'bounds'> & { readonly bounds: readonly number[] }

function judgeOne(
  { agent, reads, sent, recorded, taken, live }: Evidence,
  strikes: readonly Strike[],
  steps: readonly ClockStep[],
): One {
  const known = new Map(sent.map((reading) => [reading.value, reading]))
  /** By number: the time that a reading has in the files. */
  const times = new Map<number, number>()
  const doubled: Wrong[] = []
  const unknown: Wrong[] = []
  const wrong = (value: number, t: number | undefined, why: string): Wrong => {
    const strike = t === undefined ? undefined : strikes.findLast(({ begin }) => begin <= t)
    return { agent, value, ...(t !== undefined && { t }), strike, why }
  }
  const asSent = (list: readonly Recorded[]) =>
    list.filter(({ field, value }) => {
      const from = known.get(value)
      if (from && isOf(field, from)) return true
      unknown.push(wrong(value, from?.t, from ? `recorded as ${field}` : `in ${field}, never sent`))
      return false
    })
  const twice = new Set<number>()
  for (const { value, t } of asSent(recorded)) {
    if (times.has(value) && !twice.has(value)) {
      twice.add(value)
      doubled.push(wrong(value, known.get(value)?.t, 'recorded twice'))
    }
    if (!times.has(value)) times.set(value, t)
  }
  const here = times.size
  // Twice is no fault there: what was being written is recorded again, wherever it went.
  for (const { value, t } of asSent(taken)) if (!times.has(value)) times.set(value, t)
  const timed = [...times].map(([value, t]) => ({ value, t, sent: known.get(value)?.t ?? 0 }))
  const { wrong: untrue, bounds } = judgeTimes(timed, steps)
  const shifted = untrue.map(({ value, why }) => wrong(value, known.get(value)?.t, why))
  const lost: Wrong[] = []
  const cost = new Map<Strike, { readings: number; first: number; last: number }>()
  const own = strikes.filter(({ target }) => target === agent)
  const excuses = own.map((strike) => excuseOf(strike, reads, sent, (value) => times.has(value)))
  const settles = settlings(own, reads, sent)
  let settling = 0
  let slow = 0
  for (const [at, { value, t }] of sent.entries()) {
    if (times.has(value)) continue
    if (live.has(value)) {
      lost.push(wrong(value, t, 'seen live, not recorded'))
      continue
    }
    const excuse = excuses.find(({ from, to, left }) => from <= t && t <= to && left > 0)
    if (!excuse) {
      if (settles.some(({ from, to }) => from <= t && t <= to)) settling++
      else if (isSlow(sent, at)) slow++
      else lost.push(wrong(value, t, 'not recorded'))
      continue
    }
    excuse.left--
    const so = cost.get(excuse.strike) ?? { readings: 0, first: t, last: t }
    cost.set(excuse.strike, { ...so, readings: so.readings + 1, last: t })
  }
  return {
    sent: sent.length,
    recorded: times.size,
    taken: times.size - here,
    ...{ lost, doubled, unknown, shifted, bounds },
    settling,
    slow,
    cost: new Map(
      [...cost].map(([strike, { readings, first, last }]) => [strike, { readings, seconds: last - first }]),
    ),
  }
}

/** Whether a field is that of a reading: `Channel_3_T`, `Channel_01_R`. */
function isOf(field: string, { channel, quantity }: Sent): boolean {
  const [, number, letter] = /^Channel_0*(\d+)_([TVR])$/.exec(field) ?? []
  return Number(number) === channel && (letter === 'T') === (quantity === 'kelvin')
}
