import type { ClockStep } from './shifted-clock.ts'

/** A reading that is recorded: its number, when its reply was sent, and the time that is recorded for it; s, UTC. */
export interface Timed {
  readonly value: number
  readonly sent: number
  readonly t: number
}
/** What the times of one agent's readings come to. */
export interface TimesVerdict {
  /** Readings whose time cannot be true, with why. */
  readonly wrong: readonly { readonly value: number; readonly why: string }[]
  /** How far apart the two bounds of each time are, s: a shift of more than this is found. */
  readonly bounds: readonly number[]
}

/** What a time may be off by being written to a file and read by another program, s. Agents take times to the millisecond. */
const ROUNDING = 1e-6
/** Seconds after a clock was set in which a process may still go by what it was: it looks once a second, in whole ones. */
const LOOKS = 3

/**
 * Judges times by the order of what happened, not by how long it took. An agent does one thing after the other: it has the
 * last reply of a sweep, takes the time, and asks for the next sweep's first reading. So that time, which all readings of
 * the sweep have, lies between the sending of the last reading recorded before and of the first in the sweep. Both are by
 * the clock that the agent goes by, so it is exact on a machine however busy.
 * @param recorded readings of one agent, each once
 * @param steps when that clock was set, and by how much
 */
export function judgeTimes(recorded: readonly Timed[], steps: readonly ClockStep[]): TimesVerdict {
  const wrong: { value: number; why: string }[] = []
  const bounds: number[] = []
  let before = -Infinity
  for (const sweep of sweepsOf(recorded)) {
    const [{ t, sent: first }] = sweep
    const fits = (time: number) => time >= before - ROUNDING && time <= first + ROUNDING
    const isSet = steps.some(
      ({ from, to, ahead }) => fits(t - ahead) && first >= from && before <= to + LOOKS,
    )
    if (!fits(t) && !isSet) for (const { value } of sweep) wrong.push({ value, why: whyOf(t, before, first) })
    else if (before > -Infinity) bounds.push(first - before)
    before = sweep.reduce((latest, { sent }) => Math.max(latest, sent), before)
  }
  return { wrong, bounds }
}

/** The readings in the order they were sent, those together that have one time. */
function sweepsOf(recorded: readonly Timed[]): [Timed, ...Timed[]][] {
  const sweeps: [Timed, ...Timed[]][] = []
  for (const reading of recorded.toSorted((a, b) => a.value - b.value)) {
    const last = sweeps.at(-1)
    if (last?.[0].t === reading.t) last.push(reading)
    else sweeps.push([reading])
  }
  return sweeps
}

function whyOf(t: number, before: number, first: number): string {
  if (t > first) return `its time is ${(t - first).toFixed(3)} s after it was sent`
  return `its time is ${(before - t).toFixed(3)} s before the reading before it was sent`
}
