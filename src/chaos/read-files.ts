import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf, OpError } from '../core/errors.ts'
import { blocksOf } from '../storage/archive/archive-blocks.ts'
import { entry, walkFrames } from '../storage/g3/frame.ts'
import { disk } from '../storage/recorder/disk.ts'
import { filesOf } from '../storage/recorder/recover.ts'
import type { Recorded } from './checker.ts'

/** Bytes that spt3g's reading may print. */
const MOST_OUTPUT = 1 << 30

/**
 * All readings in the `.g3` files of a data directory by instance, each as often as it is there, by ocs' own reader.
 * Statuses and what is not a number are left out.
 */
export async function readFiles(dir: string): Promise<Map<string, Recorded[]>> {
  const found = new Map<string, Recorded[]>()
  for (const file of (await filesOf(disk, dir)).sort()) {
    for (const frame of walkFrames(await disk.read(join(dir, file)), { verify: true })) {
      const address = entry(frame, 'address', 'G3String')?.value
      if (address === undefined || Number(entry(frame, 'hkagg_type', 'G3Int')?.value) !== 2) continue
      for (const { columns } of blocksOf(frame))
        for (const [field, { values }] of columns) note(found, address, field, [...values].map(Number))
    }
  }
  return found
}

/** The same by spt3g. @param python a Python that has it. @throws OpError when it cannot read them */
export async function readBySpt3g(dir: string, python: string): Promise<Map<string, Recorded[]>> {
  const script = join(import.meta.dir, 'read_g3.py')
  const found = new Map<string, Recorded[]>()
  try {
    const { stdout } = await promisify(execFile)(python, [script, dir], { maxBuffer: MOST_OUTPUT })
    for (const line of stdout.split('\n')) {
      if (line === '') continue
      const [address, field, values] = JSON.parse(line) as [string, string, (number | null)[]]
      note(
        found,
        address,
        field,
        values.map((value) => value ?? Number.NaN),
      )
    }
  } catch (cause) {
    throw new OpError(`${python} cannot read ${dir}: ${messageOf(cause)}`, { cause })
  }
  return found
}

function note(
  found: Map<string, Recorded[]>,
  address: string,
  field: string,
  values: readonly number[],
): void {
  if (field.endsWith('_status')) return
  const [, instance = ''] = address.split('.')
  const list = found.get(instance) ?? []
  found.set(instance, list)
  for (const value of values) if (Number.isFinite(value)) list.push({ field, value })
}
