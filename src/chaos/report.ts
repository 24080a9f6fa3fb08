import { table } from '../terminal/table.ts'
import type { Verdict, Wrong } from './checker.ts'
import type { ChaosResult } from './evidence.ts'
import { isFault, type Strike } from './fault-event.ts'
import { disturbs } from './recovery.ts'

/** Wrong readings that are listed one by one. */
const LISTED = 20

/** All faults of a sort. */
interface FaultRow {
  readonly fault: string
  /** What they hit: `hub`, `agent`, `instrument`, …. */
  readonly of: string
  readonly count: number
  readonly lost: number
  readonly doubled: number
  /** Readings that went with an agent's own end, or with a fault of its instrument. */
  readonly cost: number
  /** Seconds until it was seen to work again, of faults that no other got in the way of; null without one. */
  readonly back: { readonly measured: number; readonly median: number; readonly max: number } | null
  /** Faults after which that was not seen. */
  readonly away: number
}
/** What a run is known by. */
export interface About {
  readonly seed: number
  /** What read the files. */
  readonly reader: 'ocs' | 'spt3g'
  /** The command that repeats it, and the folder of all it wrote. */
  readonly command: string
  readonly dir: string
}
/** What a run has come to, as plain data. */
export interface Finding
  extends About,
    Pick<Verdict, 'sent' | 'recorded' | 'taken' | 'lost' | 'doubled' | 'unknown' | 'shifted' | 'bounds'> {
  /** Nothing is wrong. */
  readonly ok: boolean
  readonly strikes: number
  /** Readings that went with an agent's end or a fault of its instrument; the most that one end took, with their span in s. */
  readonly cost: number
  readonly worst: { readonly readings: number; readonly seconds: number } | null
  /** Readings that agents left out since their instrument had to settle, after a start or a fault. */
  readonly settling: number
  /** Readings that came later than their agent's patience, since the machine was busy. */
  readonly slow: number
  /** What the foreign agent did that was wrong, and how often. */
  readonly foreign: ChaosResult['foreign']
  readonly deaths: readonly string[]
  readonly troubles: readonly string[]
  readonly faults: readonly FaultRow[]
}

/** What a run has come to. */
export function findingOf(result: ChaosResult, about: About): Finding {
  const { strikes: all, verdict, foreign, deaths, troubles } = result
  const strikes = all.filter(isFault)
  const { sent, recorded, taken, lost, doubled, unknown, shifted, bounds, cost } = verdict
  const wrong = [lost, doubled, unknown, shifted, deaths, troubles]
  const costs = [...cost].filter(([strike]) => isFault(strike))
  const ofStart = [...cost].filter(([strike]) => !isFault(strike)).map(([, { readings }]) => readings)
  const ends = costs.filter(([{ fault }]) => fault === 'kill' || fault === 'term').map(([, one]) => one)
  return {
    ...about,
    ok: wrong.every((list) => list.length === 0),
    strikes: strikes.length,
    ...{ sent, recorded, taken, lost, doubled, unknown, shifted, bounds },
    cost: costs.reduce((sum, [, { readings }]) => sum + readings, 0),
    worst: ends.toSorted((a, b) => b.readings - a.readings)[0] ?? null,
    // With them what goes with the lab's own start and end, so that all that was sent is accounted for.
    settling: ofStart.reduce((sum, readings) => sum + readings, verdict.settling),
    slow: verdict.slow,
    ...{ foreign, deaths, troubles },
    faults: rowsOf(strikes, verdict),
  }
}

/** The table and what it comes to. */
export function report(finding: Finding): string {
  const { strikes, sent, recorded, taken, lost, doubled, unknown, shifted, bounds } = finding
  const { cost, worst, settling, slow, seed, reader } = finding
  const wrongs = Object.values(finding.foreign)
  const seconds = (of: number | undefined) => (of === undefined ? '-' : `${of.toFixed(2)} s`)
  const rows = finding.faults.map(({ fault, of, count, lost, doubled, cost, back, away }) => [
    fault,
    of,
    ...[count, lost, doubled, cost].map(String),
    seconds(back?.median),
    seconds(back?.max),
    `${back?.measured ?? 0}${away > 0 ? `, ${away} not seen back` : ''}`,
  ])
  const head = ['FAULT', 'OF', 'COUNT', 'LOST', 'DOUBLED', 'OWN COST', 'BACK: MEDIAN', 'MAX', 'MEASURED']
  const most = worst
    ? ` (an agent’s end at most ${worst.readings}, sent within ${worst.seconds.toFixed(2)} s)`
    : ''
  return [
    table([head, ...rows]),
    '\n',
    ...listed('LOST', lost),
    ...listed('DOUBLED', doubled),
    ...listed('NOT AS SENT', unknown),
    ...listed('SHIFTED', shifted),
    ...[...finding.deaths, ...finding.troubles].map((text) => `${text}\n`),
    `seed ${seed}: ${strikes} faults; ${sent} readings sent, ${recorded} recorded, as ${reader} reads the files\n`,
    `${cost} were lost when an agent ended or its instrument failed${most}; ${settling} were left out while settling, at the start or at the end\n`,
    wrongs.length > 0
      ? `a hostile agent misbehaved ${wrongs.reduce((sum, n) => sum + n, 0)} times, in ${wrongs.length} ways\n`
      : '',
    taken > 0 ? `${taken} of the recorded ones are only in closed files that were moved away\n` : '',
    bounds
      ? `each time was held within ${bounds.median.toFixed(3)} s (median), ${bounds.max.toFixed(3)} s at most\n`
      : '',
    slow > 0 ? `${slow} came after their agent's time-out (2 s): this machine is busy\n` : '',
    `${lost.length} lost, ${doubled.length} doubled, ${shifted.length} shifted${unknown.length > 0 ? `, ${unknown.length} not as sent` : ''}\n`,
  ].join('')
}

function rowsOf(strikes: readonly Strike[], { lost, doubled, cost }: Verdict): FaultRow[] {
  const groups = Map.groupBy(strikes, ({ fault, kind }) => `${fault} ${kind}`)
  const rows = [...groups.values()].map((group): FaultRow => {
    const [{ fault, kind } = { fault: '', kind: '' }] = group
    const times = group
      .filter((strike) => isAlone(strike, strikes))
      .flatMap(({ end, back }) => (back === undefined ? [] : [back - end]))
      .sort((a, b) => a - b)
    const of = (list: readonly Wrong[]) =>
      list.filter(({ strike }) => strike && group.includes(strike)).length
    const [median] = times.slice(Math.floor(times.length / 2))
    return {
      ...{ fault, of: kind, count: group.length, lost: of(lost), doubled: of(doubled) },
      cost: group.reduce((sum, strike) => sum + (cost.get(strike)?.readings ?? 0), 0),
      back: median === undefined ? null : { measured: times.length, median, max: times.at(-1) ?? median },
      away: group.filter(({ back }) => back === undefined).length,
    }
  })
  return rows.sort((a, b) => a.fault.localeCompare(b.fault) || a.of.localeCompare(b.of))
}

function listed(what: string, list: readonly Wrong[]): string[] {
  const lines = list.slice(0, LISTED).map(({ agent, value, t, strike, why }) => {
    const when = t === undefined ? '' : ` of ${new Date(t * 1000).toISOString()}`
    const after = strike ? `, after: ${strike.fault} ${strike.target}` : ''
    return `${what}: reading ${value}${when} of ${agent}: ${why}${after}\n`
  })
  return list.length > LISTED ? [...lines, `${what}: and ${list.length - LISTED} more\n`] : lines
}

/** Whether no other fault was in the way from this one's end until it was back. */
function isAlone(strike: Strike, strikes: readonly Strike[]): boolean {
  const { end, back = end } = strike
  return !strikes.some(
    (other) =>
      other !== strike && other.begin < back && (other.back ?? other.end) > end && disturbs(other, strike),
  )
}
