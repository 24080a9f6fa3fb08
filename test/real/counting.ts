import { existsSync, readFileSync } from 'node:fs'
import type { Lab } from './roles.ts'

/** A child's counts of its rows, as stored beside the rows that it leaves (python/ocs_child/counts.py). */
export interface Counted {
  readonly pid: number
  /**
   * Rows that it has numbered, up to which they are safe, and how many of them are from an earlier process.
   */
  readonly rows: number
  readonly safe: number
  readonly left: number
}

/** The counts of the child of an instance; undefined before it has begun. */
export function counted(lab: Lab, instance: string): Counted | undefined {
  const file = lab.path('state', 'observatory', `${instance}.rows.count`)
  if (!existsSync(file)) return undefined
  const [pid = 0, rows = 0, safe = 0, left = 0] = [
    ...new BigUint64Array(new Uint8Array(readFileSync(file)).buffer),
  ].map(Number)
  return { pid, rows, safe, left }
}
