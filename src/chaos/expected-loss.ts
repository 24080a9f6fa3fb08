import type { Strike } from './fault-event.ts'
import type { Reads } from './instruments.ts'
import type { Sent } from './sent-reading.ts'

/** Seconds a commit to the spool may take: 25 ms and one sync, more on a busy disk. */
const COMMIT = 1
/** Seconds an agent waits for a reply before it takes its instrument for out of step. */
const PATIENCE = 2
/** Seconds from one reply to the next that tell of a patience that has run out. */
const SLOW = 0.95 * PATIENCE
/** Faults that end an agent's process. */
const ENDS: readonly string[] = ['kill', 'term', 'end']

interface Span {
  readonly from: number
  readonly to: number
}
/** When missing readings are explained by a fault, and how many of them. */
interface Excuse extends Span {
  readonly strike: Strike
  left: number
}

/** Which missing readings an agent's end, or a fault of it or its instrument, explains. */
export function excuseOf(
  strike: Strike,
  { period, perPoll, settle }: Reads,
  sent: readonly Sent[],
  isRecorded: (value: number) => boolean,
): Excuse {
  const { fault, begin, end } = strike
  // On a busy machine a poll takes longer than it should: it is told by its readings then.
  const first = sent.findLastIndex(({ t }) => t <= begin) + 1
  const from = Math.min(begin - 2 * period - COMMIT, sent[Math.max(0, first - 2 * perPoll)]?.t ?? begin)
  if (!ENDS.includes(fault)) {
    const next = sent.findIndex(({ t }) => t > end)
    const to = Math.max(end + PATIENCE + period, (next >= 0 && sent[next + perPoll]?.t) || end)
    return { strike, from, to, left: 2 * perPoll }
  }
  // What goes with an agent is the last it read: nothing after that is recorded.
  const last = sent.findLast(({ t, value }) => t <= end && isRecorded(value))?.t ?? 0
  // A query that it had sent may be answered when nobody is there to hear: one, since one is under way at a time.
  const late = sent.find(({ t }) => t > end)
  const isHis = settle === 0 && late && late.t <= end + PATIENCE && !isRecorded(late.value)
  const to = isHis ? late.t : end
  return { strike, from: Math.max(from, last), to, left: Infinity }
}

/**
 * When an instrument counts as just connected, so that what it sends first is left out: after a fault, and when its agent
 * has not come to read it for a while.
 * @param strikes those of the agent or its instrument
 */
export function settlings(
  strikes: readonly Strike[],
  { period, settle }: Reads,
  sent: readonly Sent[],
): Span[] {
  if (settle === 0) return []
  const lasts = settle + period + COMMIT
  const faults = strikes.map(({ begin, end }) => {
    const again = sent.find(({ t }) => t > end)?.t ?? end
    return { from: begin, to: again + lasts }
  })
  // The agent goes by when it asks; the reply may come as much later as its patience lasts.
  const gaps = sent.filter(({ t }, at) => t - (sent[at - 1]?.t ?? 0) > settle - PATIENCE)
  return [...faults, ...gaps.map(({ t }) => ({ from: t, to: t + lasts }))]
}

/**
 * Whether a reading's agent waited for it, or for the next one, longer than it does. A channel is read as one: when its
 * temperature is too late, its sensor's reading goes too.
 */
export function isSlow(sent: readonly Sent[], at: number): boolean {
  const together = sent[at + 1]?.channel === sent[at]?.channel
  return isLate(sent, at) || (together && isLate(sent, at + 1))
}

function isLate(sent: readonly Sent[], at: number): boolean {
  const here = sent[at]?.t ?? 0
  let [before, after] = [at, at]
  // Readings of one reply have one time.
  while (sent[before]?.t === here) before--
  while (sent[after]?.t === here) after++
  return here - (sent[before]?.t ?? here) > SLOW || (sent[after]?.t ?? here) - here > SLOW
}
