import { UsageError } from '../core/errors.ts'
import { uniform } from './random.ts'

/** A temperature stage of a dilution refrigerator on a pulse tube. */
export type Stage = '50K' | '4K' | 'still' | 'mc'

/** Seconds from 300 K to base temperature at speed 1. */
const cooldownSeconds = 3600

/**
 * Temperatures (K) along a cooldown, by fraction of its duration: the pulse tube is slow on the large heat
 * capacities above 100 K and ever faster below; the still follows by pumping, the mixing chamber last.
 */
const course: readonly (readonly [fraction: number, temperatures: Record<Stage, number>])[] = [
  [0, { '50K': 300, '4K': 300, still: 300, mc: 300 }],
  [0.1, { '50K': 262, '4K': 268, still: 270, mc: 271 }],
  [0.2, { '50K': 218, '4K': 228, still: 231, mc: 233 }],
  [0.3, { '50K': 168, '4K': 180, still: 184, mc: 187 }],
  [0.4, { '50K': 112, '4K': 122, still: 127, mc: 130 }],
  [0.45, { '50K': 84, '4K': 88, still: 94, mc: 98 }],
  [0.5, { '50K': 62, '4K': 50, still: 58, mc: 63 }],
  [0.55, { '50K': 52, '4K': 14, still: 20, mc: 25 }],
  [0.6, { '50K': 48, '4K': 4.6, still: 5.2, mc: 5.8 }],
  [0.7, { '50K': 46, '4K': 3.9, still: 4.1, mc: 4.3 }],
  [0.8, { '50K': 45.2, '4K': 3.8, still: 1.6, mc: 1.9 }],
  [0.9, { '50K': 45, '4K': 3.78, still: 0.9, mc: 0.3 }],
  [1, { '50K': 44.9, '4K': 3.77, still: 0.8, mc: 0.1 }],
]

/** The temperature (K) of a stage at a fraction of the cooldown; from 1 on the base temperature. */
export function stageTemperature(stage: Stage, fraction: number): number {
  const at = Math.min(Math.max(fraction, 0), 1)
  for (let i = 1; i < course.length; i++) {
    const [a, b] = [course[i - 1], course[i]]
    if (!a || !b || at > b[0]) continue
    return a[1][stage] * (b[1][stage] / a[1][stage]) ** ((at - a[0]) / (b[0] - a[0]))
  }
  return course.at(-1)?.[1][stage] ?? 0
}

/**
 * Where in the cooldown to begin: a fraction (`0.7`, 0 is 300 K and 1 is base) or the temperature of the
 * mixing chamber (`77K`, `0.3K`).
 * @throws UsageError if it is neither, or outside 0–1, or outside 0.1–300 K
 */
export function startFraction(startAt: number | string): number {
  const kelvin = /^\s*([\d.]+)\s*K\s*$/i.exec(String(startAt))?.[1]
  const value = Number(kelvin ?? (startAt === '' ? Number.NaN : startAt))
  const [low, high] = kelvin === undefined ? [0, 1] : [0.1, 300]
  if (!(value >= low && value <= high)) {
    throw new UsageError(
      `start of the cooldown "${startAt}": give a fraction from 0 to 1 (0.7), or a temperature from 0.1K to 300K (77K)`,
    )
  }
  if (kelvin === undefined) return value
  let [from, to] = [0, 1]
  for (let i = 0; i < 50; i++) {
    const middle = (from + to) / 2
    if (stageTemperature('mc', middle) > value) from = middle
    else to = middle
  }
  return to
}

/** A point in the cryostat where a sensor is mounted. */
interface Place {
  stage: Stage
  /** Distinguishes places on one stage: a few per cent warmer, with their own drift. */
  key: string
}

/** The hidden temperatures of one cryostat: K at a place, `seconds` after the start. */
type Cryostat = (place: Place, seconds: number) => number

/**
 * A cryostat during a cooldown. Temperatures depend only on seed and time; at base each place still drifts
 * slowly, about 0.3 % within minutes (of real time: the drift does not scale with `speed`).
 */
export function createCryostat(options: { seed: number; speed: number; startAt: number | string }): Cryostat {
  const { seed, speed } = options
  const from = startFraction(options.startAt)
  return ({ stage, key }, seconds) => {
    const bulk = stageTemperature(stage, from + (seconds * speed) / cooldownSeconds)
    // At room temperature everything has the same temperature.
    const warmer = 1 + 0.06 * uniform(seed, `place ${key}`, 0) * (1 - bulk / 300)
    const period = 60 + 240 * uniform(seed, `place ${key}`, 1)
    const phase = uniform(seed, `place ${key}`, 2)
    return bulk * warmer * (1 + 0.003 * Math.sin(2 * Math.PI * (seconds / period + phase)))
  }
}
