import { pause } from '../core/pause.ts'
import { createRandom } from '../simulators/random.ts'
import type { Strike } from './fault-event.ts'
import { type FaultKind, faults } from './faults.ts'
import type { ChaosLab } from './lab.ts'
import { utc } from './unix-seconds.ts'

/** Seconds in which what a fault hit has to come back, to be seen doing so. */
const BACK_SECONDS = 60

export interface StrikerOptions {
  readonly seed: number
  readonly seconds: number
  /** Faults to strike at most. */
  readonly count: number
  /** Seconds from one fault to the next, on average. */
  readonly every: number
  /** Names of faults. */
  readonly faults: readonly string[]
  /** Ends them early. */
  readonly signal: AbortSignal
  /** Waits until what a fault hit works again; false when that was not seen before the signal. */
  seenBack(strike: Strike, signal: AbortSignal): Promise<boolean>
  /** Hears of each fault once it is over and what it hit is back. */
  done(strike: Strike): void
}

/** A fault that is going to be: all of it follows from the seed. */
interface Plan {
  readonly name: string
  readonly fault: FaultKind
  readonly target: string
  readonly kind: string
  /** Seconds before it, and that it lasts. */
  readonly wait: number
  readonly lasts: number
  /** What no other fault may hit meanwhile, and what has to work again before it begins. */
  readonly keeps: readonly string[]
  readonly needs: readonly string[]
}

/**
 * Lets faults happen in a lab until time or count is up; resolves when all are over and what they hit is back.
 * Faults of different targets overlap; one target has one at a time.
 * @param strikes where each is noted as it begins
 */
export async function strikeAll(lab: ChaosLab, strikes: Strike[], options: StrikerOptions): Promise<void> {
  const { seconds, count, signal, seenBack, done } = options
  const over = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)])
  const giveUp = new AbortController()
  const busy = new Map<string, Promise<unknown>>()
  const backs = new Map<string, Promise<void>>()
  const all: Promise<void>[] = []
  const plans = plan(lab, options)
  for (let number = 0; number < count && !over.aborted; number++) {
    const { name, fault, target, kind, wait, lasts, keeps, needs } = plans.next().value
    await pause(wait * 1000, over)
    await Promise.all([...keeps.map((each) => busy.get(each)), ...needs.map((each) => backs.get(each))])
    if (over.aborted) break
    const begin = utc()
    const strike: Strike = { fault: name, target, kind, begin, end: begin, back: undefined }
    strikes.push(strike)
    const struck = fault.strike(lab, target, lasts, over).then((hit) => {
      strike.end = utc()
      return hit !== false
    })
    for (const each of keeps) busy.set(each, struck)
    const seen = async () => {
      if (!(await struck)) {
        strikes.splice(strikes.indexOf(strike), 1)
        return
      }
      const late = AbortSignal.any([giveUp.signal, AbortSignal.timeout(BACK_SECONDS * 1000)])
      if (await seenBack(strike, late)) strike.back = utc()
      done(strike)
    }
    const back = seen()
    all.push(back)
    for (const each of keeps) backs.set(each, back)
  }
  await Promise.all(busy.values())
  // Interrupted, nobody wants to wait long.
  const timer = setTimeout(() => giveUp.abort(), signal.aborted ? 0 : BACK_SECONDS * 1000)
  await Promise.all(all)
  clearTimeout(timer)
}

/** The faults of a seed, one after the other, without end. */
export function* plan(
  lab: Pick<ChaosLab, 'stations' | 'instruments' | 'of'>,
  { seed, every, faults: names }: Pick<StrikerOptions, 'seed' | 'every' | 'faults'>,
): Generator<Plan, never> {
  const random = createRandom(seed)
  const chosen = names.flatMap((name) => (faults[name] ? [{ name, fault: faults[name] }] : []))
  const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const weighted = chosen.flatMap((each) => Array<typeof each>(each.fault.weight).fill(each))
  for (;;) {
    const wait = -Math.log(1 - random()) * every
    const { name, fault } = one(weighted)
    const [low, high] = fault.lasts
    const lasts = Math.max(0, low + random() * (high - low))
    const about = { name, fault, wait, lasts, needs: [] }
    switch (fault.hits) {
      case 'process': {
        const { name: target, kind } = one([...lab.stations.values()])
        yield { ...about, target, kind, keeps: [target] }
        break
      }
      case 'instrument': {
        const { agent } = one(lab.instruments)
        yield { ...about, target: agent, kind: 'instrument', keeps: [`instrument ${agent}`] }
        break
      }
      case 'data':
        yield { ...about, target: 'data', kind: 'disk', keeps: ['data'] }
        break
      case 'files': {
        // A recorder that ends at that very moment has closed its file, or not: nobody could say.
        const recorders = lab.of('recorder').map((station) => station.name)
        yield { ...about, target: 'data', kind: 'files', keeps: ['data', ...recorders] }
        break
      }
      case 'clock':
        yield { ...about, target: 'clock', kind: 'clock', keeps: ['clock'] }
        break
      case 'state': {
        // Without room for its state no agent can start, and what waits for its commit goes with one that ends.
        const agents = lab.of('agent', 'recorder', 'data node').map((station) => station.name)
        yield { ...about, target: 'state', kind: 'disk', keeps: ['state', ...agents], needs: agents }
      }
    }
  }
}
