/** Seconds that a sample may be late, for any rhythm. */
const LATE = 5
/** Without a known rhythm, a step is too long at this many times the longest ordinary step. */
const UNUSUAL = 4
/** The share of all steps that are no longer than the longest ordinary one. */
const LONG_STEP = 0.97
/**
 * A step at least `PAUSE` times as long as the others is a pause; durations of one kind differ by no more
 * than a factor of `ALIKE`.
 */
const [PAUSE, ALIKE] = [5, 2]
/** The fewest pauses that identify a scanner. */
const PAUSES = 3

/**
 * Seconds without a sample after which one counts as missing: a plot is interrupted there, a value is old.
 * One missing sample is tolerated.
 * @param rhythm seconds between two samples; for a channel of a scanner, between two visits
 * @param least seconds that are always tolerated
 */
export function overdueAfter(rhythm: number, least = 0): number {
  return Math.max(least, 2 * rhythm + LATE)
}

/** What is known of a curve besides its samples. */
export interface Sampling {
  /** Declared seconds between two samples; undefined if not declared. */
  readonly rhythm?: number | undefined
  /**
   * Seconds per interval of which only a few samples were kept: a step of up to two intervals means nothing.
   */
  readonly width?: number
}

/**
 * Seconds between two samples of a curve after which one is missing, from its declared rhythm or the one seen
 * in its times; and whether that is certain enough to call the last sample too old.
 */
function missingAfter(
  t: readonly number[],
  { rhythm, width = 0 }: Sampling,
): { readonly longest: number; readonly isRegular: boolean } {
  const least = Math.max(LATE, 2 * width)
  const known = rhythm ?? learntRhythm(t)
  if (known !== undefined) return { longest: overdueAfter(known, least), isRegular: true }
  const isDense = width > 0 && (t.at(-1) ?? 0) - (t[0] ?? 0) < width * (t.length - 1)
  if (isDense) return { longest: least, isRegular: true }
  return { longest: Math.max(least, UNUSUAL * share(steps(t), LONG_STEP)), isRegular: false }
}

/**
 * The rhythm visible in times: the usual step if all are alike; the pause, if long pauses come at regular
 * times, as between a scanner's visits. Undefined if no rhythm is visible.
 */
export function learntRhythm(t: readonly number[]): number | undefined {
  const sorted = steps(t)
  if (sorted.length < PAUSES) return undefined
  const usual = share(sorted, 0.5)
  const least = Math.max(PAUSE * usual, LATE)
  const pauses = t.slice(1).filter((time, i) => time - (t[i] ?? 0) > least)
  if (pauses.length >= PAUSES && areAlike(steps(pauses))) {
    const long = sorted.slice(-pauses.length)
    if (areAlike(long)) return share(long, 0.5)
  }
  return areAlike(sorted) ? usual : undefined
}

/**
 * The samples of a curve with an empty one inserted wherever one is missing, so that no line is drawn across;
 * also at the end if the last sample is too old.
 * @param until the time up to which samples are expected; a curve of unknown rhythm may end earlier
 */
export function withGaps<V>(
  t: readonly number[],
  values: readonly V[],
  sampling: Sampling & { readonly until?: number },
): [t: number[], values: (V | null)[]] {
  const { longest, isRegular } = missingAfter(t, sampling)
  const [times, all]: [number[], (V | null)[]] = [[], []]
  let before = Infinity
  for (let i = 0; i < t.length; i++) {
    const time = t[i] ?? 0
    if (time - before > longest) {
      times.push((before + time) / 2)
      all.push(null)
    }
    times.push(time)
    all.push(values[i] ?? null)
    before = time
  }
  const { until = -Infinity } = sampling
  const last = times.at(-1)
  if (last !== undefined && isRegular && until - last > longest) {
    times.push(until)
    all.push(null)
  }
  return [times, all]
}

/** The steps between times, the shortest first. */
function steps(t: readonly number[]): Float64Array {
  const all = new Float64Array(Math.max(0, t.length - 1))
  for (let i = 0; i < all.length; i++) all[i] = (t[i + 1] ?? 0) - (t[i] ?? 0)
  // Sorted without a comparison function: sorting a list takes ten times as long, and this runs for each
  // curve that is drawn.
  return all.sort()
}

/** The step at a given quantile. */
function share(sorted: Float64Array, part: number): number {
  return sorted[Math.floor(sorted.length * part)] ?? 0
}

/** Whether steps are about equal, apart from a few. */
function areAlike(sorted: Float64Array): boolean {
  return share(sorted, 0.9) <= ALIKE * share(sorted, 0.1)
}
