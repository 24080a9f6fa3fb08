/**
 * G3 time: a signed 64-bit count of ticks of 10 ns since 1970-01-01 UTC, from year -953 to 4892. At today's
 * date a double of seconds is accurate to 24 ticks, so it comes back from ticks bit for bit.
 */

/** Times as callers may give them: ticks, or Unix seconds. */
export type Times = BigInt64Array | Float64Array | readonly number[]

const perSecond = 1e8
const half = 2 ** 16
const word = 2 ** 32
/** Unix seconds from 0 up to here (year 4147) are converted without BigInt, about ten times as fast. */
const fastEnd = 2 ** 36
/** Ticks whose upper word is below this are exact in a double. */
const exactHigh = 2 ** 21

/** Unix seconds → ticks, to the nearest. Throws RangeError when not finite or beyond 64 bits. */
export function ticksFromSeconds(seconds: number): bigint {
  return ticksFrom([seconds])[0] ?? 0n
}

/** Ticks → Unix seconds, to the nearest double. */
export function secondsFromTicks(ticks: bigint): number {
  return secondsFrom(BigInt64Array.of(ticks))[0] ?? 0
}

/** Times as ticks: those given, or `ticksFromSeconds` of each. */
export function ticksFrom(times: Times): BigInt64Array {
  if (times instanceof BigInt64Array) return times
  const ticks = new BigInt64Array(times.length)
  const words = new Uint32Array(ticks.buffer)
  for (let i = 0; i < times.length; i++) {
    const seconds = times[i] ?? Number.NaN
    const whole = Math.floor(seconds)
    const part = Math.round((seconds - whole) * perSecond)
    if (!(whole >= 0 && whole < fastEnd)) {
      ticks[i] = wideTicks(whole, part)
      continue
    }
    // whole * 1e8 + part needs up to 63 bits: it is multiplied in two halves, each exact in a double.
    // Remainders by powers of two are computed by multiplying back, which is exact as well; `%` of doubles
    // would take ten times as long as everything else.
    const top = Math.floor(whole / half)
    const upper = top * perSecond
    const upperTop = Math.floor(upper / half)
    const lower = (upper - upperTop * half) * half + (whole - top * half) * perSecond + part
    const lowerTop = Math.floor(lower / word)
    words[2 * i] = lower - lowerTop * word
    words[2 * i + 1] = upperTop + lowerTop
  }
  return ticks
}

/** Times as Unix seconds: those given, or `secondsFromTicks` of each. */
export function secondsFrom(times: Times): Float64Array {
  if (!(times instanceof BigInt64Array)) return new Float64Array(times)
  const seconds = new Float64Array(times.length)
  const words = new Uint32Array(times.buffer, times.byteOffset, 2 * times.length)
  for (let i = 0; i < seconds.length; i++) {
    seconds[i] = secondsOf(words[2 * i] ?? 0, (words[2 * i + 1] ?? 0) | 0)
  }
  return seconds
}

/** The ticks stored at byte `at` as Unix seconds, to the nearest double. */
export function secondsAt(view: DataView, at: number): number {
  return secondsOf(view.getUint32(at, true), view.getInt32(at + 4, true))
}

function secondsOf(low: number, high: number): number {
  if (high >= -exactHigh && high < exactHigh) return (high * word + low) / perSecond
  // Whole seconds are split off in two steps, each exact in a double.
  const upper = high * half
  const quotient = Math.floor(upper / perSecond)
  const rest = (upper - quotient * perSecond) * half + low
  const whole = Math.floor(rest / perSecond)
  return quotient * half + whole + (rest - whole * perSecond) / perSecond
}

function wideTicks(whole: number, part: number): bigint {
  if (!Number.isFinite(whole)) throw new RangeError('a time is not a finite number of seconds')
  const ticks = BigInt(whole) * BigInt(perSecond) + BigInt(part)
  if (BigInt.asIntN(64, ticks) !== ticks)
    throw new RangeError(`a time of ${whole} s does not fit 64 bits of 10 ns`)
  return ticks
}
