import { cpSync } from 'node:fs'
import { join } from 'node:path'
import type { Running } from '../../test/real/roles.ts'
import { ocsPython, PYTHON } from '../anchors/ocs-python.ts'
import type { Bench, Bencher, Figures, RowSpec } from '../bench.ts'
import { ratioLeast } from '../goal.ts'
import { order } from '../orders.ts'

const CLIENTS = join(import.meta.dir, '..', 'clients')
/** Values in an hour of files: 2 feeds of 8 fields at 10 Hz. */
const VALUES = 2 * 8 * 10 * 3600

const row = (work: string, figure: string, unit: string, least: number): RowSpec => ({
  work,
  figure,
  unit,
  against: 'so3g',
  goal: ratioLeast(least),
})

export const g3: Bench = {
  name: 'g3',
  help: '.g3 files: write, read all, read one field of a hundredth of the time',
  how: 'hours of 2 feeds of 8 fields at 10 Hz in frames of a minute, from lists of numbers; the product’s code on Bun, so3g and spt3g on CPython; each side writes its own files and both read ours; one field: our archive reader with its index, so3g’s load_range, which has none here (its pre_proc_dir cannot be written)',
  anchors: [ocsPython],
  rounds: 7,
  rows: [
    row('.g3 write', 'write', 'values/s', 7),
    row('.g3 read all', 'read', 'values/s', 5),
    row('.g3 one field of 1 %', 'one', 'reads/s', 21),
  ],
  async run(bench) {
    const { lab } = bench
    const own = lab.program('g3', [process.execPath, join(CLIENTS, 'g3-files.ts')])
    const so3g = bench.has(ocsPython)
      ? lab.program('so3g', [PYTHON, join(CLIENTS, 'g3_files.py')])
      : undefined
    for (const each of [own, so3g]) await each?.says('"ready"', 60)
    const hours = bench.size(10, 1)
    await order(own, { do: 'write', dir: lab.path('files'), hours })
    cpSync(lab.path('files'), lab.path('theirs'), { recursive: true })
    // The index of the files is there before the first round, as the data node has it.
    await order(own, { do: 'one', dir: lab.path('files'), hours })
    return bench.interleave({
      ocs: (round) => measure(bench, own, lab.path('files'), hours, round),
      so3g: so3g && ((round) => measure(bench, so3g, lab.path('theirs'), hours, round)),
    })
  },
}

async function measure(
  bench: Bencher,
  program: Running,
  dir: string,
  hours: number,
  round: number,
): Promise<Figures> {
  type Done = { took: number; count: number }
  const wrote = await order<Done>(program, { do: 'write', dir: `${dir}-written-${round}`, hours })
  const read = await order<Done>(program, { do: 'read', dir, hours })
  bench.count(`${program.name}: values read`, read.count, hours * VALUES)
  const one = await order<Done>(program, { do: 'one', dir, hours })
  bench.count(`${program.name}: samples of one field`, one.count, hours * 360)
  return { write: (hours * VALUES) / wrote.took, read: (hours * VALUES) / read.took, one: 1 / one.took }
}
