/**
 * Which samples to draw when there are more than fit: the lowest and the highest of each of equal intervals of time,
 * so that no spike is lost, and always the newest. An interval without a finite value keeps one sample, so that the
 * hole shows.
 * @param t times in order
 * @param maxPoints how many samples may stay
 * @param minWidth least width of an interval, in the unit of `t`
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
  for (let from = 0; from <= newest; ) {
    const here = Math.min(intervals - 1, Math.floor(((t[from] ?? 0) - first) / width))
    // Comparing with the interval's end, not dividing for each sample, takes a tenth of the time.
    const end = here === intervals - 1 ? Infinity : first + (here + 1) * width
    let [low, high, to] = [-1, -1, from]
    let [lowest, highest] = [Infinity, -Infinity]
    do {
      const value = values[to] ?? Number.NaN
      if (value < lowest && value !== -Infinity) {
        lowest = value
        low = to
      }
      if (value > highest && value !== Infinity) {
        highest = value
        high = to
      }
      to++
    } while (to <= newest && (t[to] ?? 0) < end)
    if (low < 0) kept.push(from)
    else if (low === high) kept.push(low)
    else kept.push(Math.min(low, high), Math.max(low, high))
    from = to
  }
  if (kept.at(-1) !== newest) kept.push(newest)
  return kept
}

/**
 * Which samples of texts to show when there are more than fit: each that differs from the one before, and the newest;
 * the last `maxPoints` of them.
 */
export function changes(texts: readonly (string | null)[], maxPoints: number): number[] {
  const all = Array.from(texts.keys())
  if (all.length <= maxPoints) return all
  return all.filter((i) => i === 0 || i === all.length - 1 || texts[i] !== texts[i - 1]).slice(-maxPoints)
}

/** Every sample at least `stride` after the one kept before it. */
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
