import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Evidence, judge, type Verdict } from './checker.ts'
import type { Strike } from './fault-event.ts'
import type { Reads } from './instruments.ts'
import { foreignLog, placesOf, sentLog } from './places.ts'
import type { ReadFiles } from './read-files.ts'
import type { Sent } from './sent-reading.ts'
import type { ClockStep } from './shifted-clock.ts'
import { takenFolders } from './taken-files.ts'

/** What is known of a run besides its files and the logs of what was sent. */
export interface Kept {
  readonly strikes: readonly Strike[]
  /** When the clock of all processes was set. */
  readonly steps: readonly ClockStep[]
  /** Processes that ended although no fault made them, a sentence each. */
  readonly deaths: readonly string[]
  /** What did not come about at the end, a sentence each. */
  readonly troubles: readonly string[]
  readonly agents: readonly {
    readonly agent: string
    readonly reads: Reads
    /** Numbers seen on the bus. */
    readonly live: readonly number[]
  }[]
}
export interface ChaosResult extends Omit<Kept, 'agents' | 'steps'> {
  readonly verdict: Verdict
  /** What the foreign agent did that was wrong, and how often. */
  readonly foreign: Readonly<Record<string, number>>
}

const keptFile = (dir: string) => join(dir, 'evidence.json')

/** Leaves in a run's folder what `judgeRun` goes by. */
export function keepEvidence(dir: string, kept: Kept): void {
  writeFileSync(keptFile(dir), JSON.stringify(kept))
}

/** Judges the run that a folder is of, by nothing but what is in it. @param read reads the files of data directories */
export async function judgeRun(dir: string, read: ReadFiles): Promise<ChaosResult> {
  const { agents, steps, ...kept } = JSON.parse(readFileSync(keptFile(dir), 'utf8')) as Kept
  const places = placesOf(dir)
  const recorded = await read([places.dataDir])
  const taken = await read(takenFolders(places.away))
  const evidence = agents.map(({ agent, reads, live }): Evidence => {
    const of = { recorded: recorded.get(agent) ?? [], taken: taken.get(agent) ?? [] }
    return { agent, reads, sent: readSent(sentLog(places, agent)), ...of, live: new Set(live) }
  })
  const wrongs = linesOf(foreignLog(places)).filter((line) => !line.startsWith('#'))
  const foreign = Map.groupBy(wrongs, (line) => line)
  const counts = [...foreign].map(([line, { length }]) => [line, length] as const)
  return { ...kept, verdict: judge(evidence, kept.strikes, steps), foreign: Object.fromEntries(counts) }
}

function readSent(file: string): Sent[] {
  return linesOf(file).map((line) => JSON.parse(line) as Sent)
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
}
