/** Seconds that a sample may be late, whatever its rhythm. */
const LATE = 5
/** Where nothing says what is usual: as many times the longest steps but a few are too long. */
const UNUSUAL = 4
/** Of all steps, as many are no longer than a long one. */
const LONG_STEP = 0.97
/** Steps that are as many times as long as the others are pauses; times of one kind differ by no more than twice. */
const [PAUSE, ALIKE] = [5, 2]
/** Pauses that a scanner is known by, at least. */
const PAUSES = 3

/**
 * Seconds without a sample after which one is missing: a plot is not joined there, a value is old. One may be left out.
 * @param rhythm seconds between two samples; of a channel that a scanner visits, between two visits
 * @param least seconds that are no matter in any case
 */
export function overdueAfter(rhythm: number, least = 0): number {
  return Math.max(least, 2 * rhythm + LATE)
}

/** What is known of a curve besides its samples. */
export interface Sampling {
  /** Declared seconds between two samples; undefined where nobody says. */
  readonly rhythm?: number | undefined
  /** Seconds of which but a few samples have been kept: a step of two of them says nothing. */
  readonly width?: number
}

/**
 * Seconds between two samples of a curve after which one is missing, by its rhythm, declared or seen in its times; and
 * whether that is certain enough to say that the last is too old.
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
 * The rhythm that times show: the usual step where all are alike; where long pauses come at even times, as between a
 * scanner's visits, such a pause. Undefined where there is none to see.
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
 * The samples of a curve with an empty one wherever one is missing, so that no line is drawn across; at the end, too, where
 * the last is too old.
 * @param until the time up to which there should be samples; the curve may end before where its rhythm is not known
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
  // Without a function that compares: a list takes ten times as long, and each curve that is drawn is looked at.
  return all.sort()
}

/** The step that a share of all are shorter than. */
function share(sorted: Float64Array, part: number): number {
  return sorted[Math.floor(sorted.length * part)] ?? 0
}

/** Whether steps are much the same, but for a few. */
function areAlike(sorted: Float64Array): boolean {
  return share(sorted, 0.9) <= ALIKE * share(sorted, 0.1)
}
