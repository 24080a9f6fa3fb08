import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf, OpError } from '../core/errors.ts'
import { fileForOthers } from '../machine/own-files.ts'
import { blocksOf } from '../storage/archive/archive-blocks.ts'
import { entry, walkFrames } from '../storage/g3/frame.ts'
import { disk } from '../storage/recorder/disk.ts'
import { filesOf } from '../storage/recorder/recover.ts'
import type { Recorded } from './checker.ts'

/** Bytes that spt3g's reading may print. */
const MOST_OUTPUT = 1 << 30

/** What reads the files of some data directories: all readings by instance, each as often as it is there. */
export type ReadFiles = (dirs: readonly string[]) => Promise<Map<string, Recorded[]>>

/** Reads the `.g3` files by ocs' own reader. Statuses and what is not a number are left out. */
export const readFiles: ReadFiles = async (dirs) => {
  const found = new Map<string, Recorded[]>()
  for (const dir of dirs) {
    for (const file of (await filesOf(disk, dir)).sort()) {
      for (const frame of walkFrames(await disk.read(join(dir, file)), { verify: true })) {
        const address = entry(frame, 'address', 'G3String')?.value
        if (address === undefined || Number(entry(frame, 'hkagg_type', 'G3Int')?.value) !== 2) continue
        for (const { columns, times } of blocksOf(frame))
          for (const [field, { values }] of columns)
            note(found, address, field, [...values].map(Number), times)
      }
    }
  }
  return found
}

/** The same by spt3g. @param python a Python that has it. @throws OpError when it cannot read them */
export function readBySpt3g(python: string): ReadFiles {
  const script = fileForOthers('src/chaos/read_g3.py')
  return async (dirs) => {
    const found = new Map<string, Recorded[]>()
    if (dirs.length === 0) return found
    try {
      const { stdout } = await promisify(execFile)(python, [script, ...dirs], { maxBuffer: MOST_OUTPUT })
      for (const line of stdout.split('\n')) {
        if (line === '') continue
        const [address, times, columns] = JSON.parse(line) as Printed
        for (const [field, values] of Object.entries(columns)) note(found, address, field, values, times)
      }
    } catch (cause) {
      throw new OpError(`${python} cannot read ${dirs.join(', ')}: ${messageOf(cause)}`, { cause })
    }
    return found
  }
}

/** A line of `read_g3.py`, a block: address, times in unix s, values by field; null for NaN. */
type Printed = [address: string, times: number[], columns: Record<string, (number | null)[]>]

function note(
  found: Map<string, Recorded[]>,
  address: string,
  field: string,
  values: readonly (number | null)[],
  times: ArrayLike<number>,
): void {
  if (field.endsWith('_status')) return
  const [, instance = ''] = address.split('.')
  const list = found.get(instance) ?? []
  found.set(instance, list)
  for (const [at, value] of values.entries())
    if (value !== null && Number.isFinite(value)) list.push({ field, value, t: times[at] ?? Number.NaN })
}
