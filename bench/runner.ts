import type { Anchor } from './anchors/anchor.ts'
import type { Bench, Bencher, Figures, Measure, RowSpec, Sides } from './bench.ts'
import { steps } from './curve.ts'
import { allEnded, BenchLab } from './lab.ts'
import { pairedRatios, type Summary, summarize } from './statistics.ts'

/** Maximum seconds of a bench, by default. */
const PATIENCE = 420

/** The outcome of a bench. */
export interface Outcome {
  readonly bench: Bench
  readonly sides: Sides
  /** Counts that were wrong. */
  readonly wrong: readonly string[]
  /** Why it ended early. */
  readonly error?: string
}
/** A row with its measurements. */
export interface Measured {
  readonly spec: RowSpec
  readonly ours: Summary | undefined
  /** Our figure at each size of a curve. */
  readonly curve?: readonly (Summary | undefined)[]
  readonly theirs: Summary | undefined
  /** Ours divided by theirs; for a curve, its greatest growth from one size to the next. */
  readonly ratio: Summary | undefined
}
/** A round that may have failed. */
type Try = (round: number) => Promise<Figures | undefined>
interface Options {
  readonly quick: boolean
  readonly rounds?: number | undefined
  readonly versions: ReadonlyMap<Anchor, string | undefined>
  readonly say: (text: string) => void
}

/** Runs one bench; every process it started has ended when it resolves. */
export async function runBench(bench: Bench, { quick, rounds, versions, say }: Options): Promise<Outcome> {
  const wrong: string[] = []
  const late = Promise.withResolvers<never>()
  const { patience = PATIENCE } = bench
  const timer = setTimeout(() => late.reject(new Error(`not done within ${patience} s`)), patience * 1000)
  // A later rejection must not end the process.
  late.promise.catch(() => {})
  try {
    await using lab = new BenchLab()
    const bencher: Bencher = {
      lab,
      quick,
      rounds: rounds ?? (quick ? 1 : bench.rounds),
      say,
      has: (anchor) => versions.get(anchor) !== undefined,
      size: (full, small) => (quick ? small : full),
      interleave: (sides) => interleave(tolerant(sides, bench, say), bencher),
      together: (sides) => together(tolerant(sides, bench, say), bencher),
      count: (what, got, expected) => {
        if (got === expected) return
        // Losses of an anchor are reported, but are no fault of ours.
        const theirs = bench.anchors.some(({ name }) => what.startsWith(`${name}: `))
        const text = `${what}: ${got} instead of ${expected}`
        if (theirs) say(`they lost some: ${text}`)
        else if (!wrong.includes(text)) wrong.push(text)
      },
    }
    const sides = await Promise.race([bench.run(bencher), late.promise])
    return { bench, sides, wrong }
  } catch (error) {
    return { bench, sides: {}, wrong, error: messageOf(error) }
  } finally {
    clearTimeout(timer)
    await allEnded()
  }
}

/**
 * A failing anchor loses the rest of its rounds, and the reason is reported; a failure of ours fails the
 * bench.
 */
function tolerant(
  sides: Parameters<Bencher['interleave']>[0],
  { anchors }: Bench,
  say: (text: string) => void,
): Readonly<Record<string, Try | undefined>> {
  const theirs = new Set(anchors.map(({ name }) => name))
  const failed = new Set<string>()
  const attempt = (name: string, measure: Measure): Try => {
    if (!theirs.has(name)) return measure
    return async (round) => {
      if (failed.has(name)) return undefined
      try {
        return await measure(round)
      } catch (error) {
        failed.add(name)
        say(`${name} failed: ${messageOf(error)}`)
        return undefined
      }
    }
  }
  return Object.fromEntries(
    Object.entries(sides).map(([name, measure]) => [name, measure && attempt(name, measure)]),
  )
}

/** Each round runs every side once, starting with another one. */
async function interleave(
  sides: Readonly<Record<string, Try | undefined>>,
  { rounds, say }: Bencher,
): Promise<Sides> {
  const names = Object.keys(sides).filter((name) => sides[name])
  const results = new Map<string, (Figures | undefined)[]>(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length] ?? ''
      const figures = await sides[name]?.(round)
      results.get(name)?.push(figures)
      say(`round ${round + 1}/${rounds} ${name}: ${shown(figures)}`)
    }
  }
  return Object.fromEntries(results)
}

async function together(
  sides: Readonly<Record<string, Try | undefined>>,
  { rounds, say }: Bencher,
): Promise<Sides> {
  const names = Object.keys(sides).filter((name) => sides[name])
  const results = new Map<string, (Figures | undefined)[]>(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    const all = await Promise.all(names.map((name) => sides[name]?.(round)))
    for (const [at, name] of names.entries()) {
      results.get(name)?.push(all[at])
      say(`round ${round + 1}/${rounds} ${name}: ${shown(all[at])}`)
    }
  }
  return Object.fromEntries(results)
}

function shown(figures: Figures | undefined): string {
  return Object.entries(figures ?? {})
    .map(([name, value]) => `${name} ${value.toPrecision(4)}`)
    .join(', ')
}

/** The rows of a bench, with the results of its rounds. */
export function measuredRows({ bench, sides }: Pick<Outcome, 'bench' | 'sides'>): Measured[] {
  const list = (side: string, figure: string) => (sides[side] ?? []).map((figures) => figures?.[figure])
  const known = (values: readonly (number | undefined)[]) =>
    summarize(values.filter((value) => value !== undefined))
  return bench.rows.map((spec) => {
    const names = [spec.figure].flat()
    const [figure = ''] = names
    const curve = names.map((name) => list(spec.ours ?? 'ocs', name))
    const [ours = []] = curve
    if (names.length > 1) {
      const all = curve.map(known)
      return { spec, ours: all[0], curve: all, theirs: undefined, ratio: summarize(steps(curve)) }
    }
    const theirs = spec.against === undefined ? [] : list(spec.against, figure)
    return { spec, ours: known(ours), theirs: known(theirs), ratio: summarize(pairedRatios(ours, theirs)) }
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
