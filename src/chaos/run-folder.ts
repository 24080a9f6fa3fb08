import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { ConfigError, messageOf, UsageError } from '../core/errors.ts'
import type { Finding } from './report.ts'

/** The file in a run's folder that says what it came to. */
const FINDING = 'finding.json'

/** Where a run has what, in its folder. */
export interface Places {
  /** What may be a disk of its own: the data directory, and what was taken out of it. */
  readonly disk: string
  readonly dataDir: string
  readonly away: string
  readonly state: string
  readonly log: string
  readonly sent: string
}

export function placesOf(dir: string): Places {
  const disk = join(dir, 'data')
  const [state, log, sent] = [join(dir, 'state'), join(dir, 'log'), join(dir, 'sent')]
  return { disk, dataDir: join(disk, 'hk'), away: join(disk, 'away'), state, log, sent }
}

/** The log of what an agent's instrument sent. */
export function sentLog({ sent }: Places, agent: string): string {
  return join(sent, `${agent}.sent.jsonl`)
}

/**
 * Where a run writes; a new folder for temporary files when none is named.
 * @throws UsageError for a folder that holds something, ConfigError for one that cannot be made
 */
export function runFolder(dir: string | undefined): string {
  if (dir === undefined) return mkdtempSync(join(tmpdir(), 'ocs-chaos-'))
  const path = resolve(dir)
  try {
    mkdirSync(path, { recursive: true })
    if (readdirSync(path).length === 0) return path
  } catch (cause) {
    throw new ConfigError(`--dir ${dir}: ${messageOf(cause)}`, { cause })
  }
  throw new UsageError(`--dir ${dir}: there is something in it already: name a new folder`)
}

export function removeRunFolder(dir: string): void {
  rmSync(dir, { recursive: true, force: true, maxRetries: 3 })
}

/** Leaves in a run's folder what it came to. */
export function keepFinding(dir: string, found: Finding): void {
  writeFileSync(join(dir, FINDING), `${JSON.stringify(found)}\n`)
}

/** What a run in that folder came to. */
export function keptFinding(dir: string): Finding {
  return JSON.parse(readFileSync(join(dir, FINDING), 'utf8')) as Finding
}

/** What the foreign agent has done, a line each. */
export function foreignLog({ sent }: Places): string {
  return join(sent, 'foreign.log')
}
