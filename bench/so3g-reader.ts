import { join } from 'node:path'
import type { Running } from '../test/real/roles.ts'
import { ocsPython, PYTHON } from './anchors/ocs-python.ts'
import type { Bencher } from './bench.ts'

/** so3g as an independent reader of files; the product's own reader if it is not here. */
export async function startReader(bench: Bencher): Promise<Running> {
  const client = (name: string) => join(import.meta.dir, 'clients', name)
  const reader = bench.has(ocsPython)
    ? bench.lab.program('so3g', [PYTHON, client('g3_files.py')])
    : bench.lab.program('reader', [process.execPath, client('g3-files.ts')])
  await reader.says('"ready"', 60)
  return reader
}
