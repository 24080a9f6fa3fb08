import { join } from 'node:path'
import type { Running } from '../test/real/roles.ts'
import { ocsPython, PYTHON } from './anchors/ocs-python.ts'
import type { Bencher } from './bench.ts'

/** so3g as an independent reader of files. */
export async function startReader(bench: Bencher): Promise<Running | undefined> {
  if (!bench.has(ocsPython)) return undefined
  const client = join(import.meta.dir, 'clients', 'g3_files.py')
  const reader = bench.lab.program('so3g', [PYTHON, client])
  await reader.says('"ready"', 60)
  return reader
}
