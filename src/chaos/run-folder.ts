import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { ConfigError, messageOf, UsageError } from '../core/errors.ts'
import type { Finding } from './report.ts'

/** The file in a run's folder that says what it came to. */
const FINDING = 'finding.json'

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
  throw new UsageError(`--dir ${dir}: it is not empty: choose a new folder`)
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
