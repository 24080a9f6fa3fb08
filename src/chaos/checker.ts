import { excuseOf, isSlow, settlings } from './expected-loss.ts'
import type { Strike } from './fault-event.ts'
import type { Reads } from './instruments.ts'
import type { Sent } from './sent-reading.ts'

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

/** Whether a field is that of a reading: `Channel_3_T`, `Channel_01_R`. */
function isOf(field: string, { channel, quantity }: Sent): boolean {
  const [, number, letter] = /^Channel_0*(\d+)_([TVR])$/.exec(field) ?? []
  return Number(number) === channel && (letter === 'T') === (quantity === 'kelvin')
}
