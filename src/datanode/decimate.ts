/**
 * Which samples to draw if there are too many: the lowest and the highest of each of equal intervals of time,
 * so that no spike is lost, and always the newest. An interval without a finite value keeps one sample, so
 * that the hole shows.
 * @param t times in order
 * @param maxPoints maximum number of samples to keep
 * @param minWidth minimum width of an interval, in the unit of `t`
 * @returns their indices, in order
 */
export function thin(t: Float64Array, values: Float64Array, maxPoints: number, minWidth = 0): number[] {
  const newest = t.length - 1
  if (t.length <= maxPoints && minWidth === 0) return Array.from(t.keys())
  const intervals = Math.floor((maxPoints - 1) / 2)
  if (intervals < 1) return newest < 0 ? [] : [newest]
  const first = t[0] ?? 0
  const width = Math.max(((t[newest] ?? 0) - first) / intervals, minWidth) || 1
  const kept: number[] = []
  let from = 0
  while (from <= newest) {
    const here = Math.min(intervals - 1, Math.floor(((t[from] as number) - first) / width))
    // The end of the interval is found first, so that the loop over its samples only compares.
    const to = here === intervals - 1 ? newest + 1 : firstAt(t, first + (here + 1) * width, from + 1)
    let low = -1
    let high = -1
    let lowest = Infinity
    let highest = -Infinity
    for (let i = from; i < to; i++) {
      const value = values[i] as number
      if (value < lowest && value !== -Infinity) {
        lowest = value
        low = i
      }
      if (value > highest && value !== Infinity) {
        highest = value
        high = i
      }
    }
    if (low < 0) kept.push(from)
    else if (low === high) kept.push(low)
    else kept.push(Math.min(low, high), Math.max(low, high))
    from = to
  }
  if (kept.at(-1) !== newest) kept.push(newest)
  return kept
}

/**
 * The first index from `from` on whose time is not before `end`; searched in doubling steps, since it is
 * mostly near.
 */
function firstAt(t: Float64Array, end: number, from: number): number {
  let step = 1
  while (from + step < t.length && (t[from + step] as number) < end) step *= 2
  let low = step === 1 ? from : from + step / 2
  let high = Math.min(from + step, t.length)
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((t[middle] as number) < end) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * Which samples of texts to show if there are too many: each that differs from the one before, and the
 * newest; of these the last `maxPoints`.
 */
export function changes(texts: readonly (string | null)[], maxPoints: number): number[] {
  const all = Array.from(texts.keys())
  if (all.length <= maxPoints) return all
  return all.filter((i) => i === 0 || i === all.length - 1 || texts[i] !== texts[i - 1]).slice(-maxPoints)
}

/** Each sample at least `stride` after the previously kept one. */
export function strided(t: Float64Array, stride: number): number[] {
  const kept: number[] = []
  let next = -Infinity
  for (const [i, time] of t.entries()) {
    if (time < next) continue
    kept.push(i)
    next = time + stride
  }
  return kept
}
