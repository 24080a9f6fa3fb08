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

const row = (work: string, figure: string, unit: string, least?: number): RowSpec => ({
  work,
  figure,
  unit,
  against: 'so3g',
  ...(least !== undefined && { goal: ratioLeast(least) }),
})

export const g3: Bench = {
  name: 'g3',
  help: '.g3 files: write, read all, read one field of a hundredth of the time',
  how: 'Hours of 2 feeds of 8 fields at 10 Hz. Write: messages of 100 rows (4 doubles, 2 integers, a boolean, a text; lists of values) into files of frames of 1000 s, by our recorder, which syncs each write, and by the aggregator of OCS, which does not; carrying and parsing messages is left out of both. Read: these files, our archive reader with its index, and so3g’s load_range, which has none here (its pre_proc_dir cannot be written). One field: the same on files of doubles in frames of a minute. The codec alone: such frames made of lists and taken apart, our code on Bun, spt3g (C++) by its Python',
  anchors: [ocsPython],
  rounds: 7,
  rows: [
    row('.g3 write, messages of 100 rows by the recorder', 'record', 'values/s', 3),
    row('.g3 read, all fields by their names', 'load', 'values/s', 5),
    row('.g3 one field of 1 %', 'one', 'reads/s', 21),
    row('.g3 frames made of lists, the codec alone', 'write', 'values/s'),
    row('.g3 frames taken apart, the codec alone', 'read', 'values/s'),
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
    await order(own, { do: 'record', dir: lab.path('recorded'), hours })
    for (const [from, to] of [
      ['files', 'files-theirs'],
      ['recorded', 'recorded-theirs'],
    ] as const)
      cpSync(lab.path(from), lab.path(to), { recursive: true })
    // The index of the files exists before the first round, as in the data node.
    await order(own, { do: 'one', dir: lab.path('files'), hours })
    await order(own, { do: 'load', dir: lab.path('recorded'), hours })
    return bench.interleave({
      ocs: (round) => measure(bench, own, (name) => lab.path(name), hours, round),
      so3g: so3g && ((round) => measure(bench, so3g, (name) => lab.path(`${name}-theirs`), hours, round)),
    })
  },
}

async function measure(
  bench: Bencher,
  program: Running,
  dir: (name: string) => string,
  hours: number,
  round: number,
): Promise<Figures> {
  type Done = { took: number; count: number }
  const wrote = await order<Done>(program, { do: 'write', dir: dir(`written-${round}`), hours })
  const recorded = await order<Done>(program, { do: 'record', dir: dir(`recorded-${round}`), hours })
  bench.count(`${program.name}: values recorded`, recorded.count, hours * VALUES)
  const loaded = await order<Done>(program, { do: 'load', dir: dir('recorded'), hours })
  bench.count(`${program.name}: values by name`, loaded.count, hours * VALUES)
  const read = await order<Done>(program, { do: 'read', dir: dir('files'), hours })
  bench.count(`${program.name}: values read`, read.count, hours * VALUES)
  const one = await order<Done>(program, { do: 'one', dir: dir('files'), hours })
  bench.count(`${program.name}: samples of one field`, one.count, hours * 360)
  const rate = ({ took }: Done) => (hours * VALUES) / took
  return {
    record: rate(recorded),
    load: rate(loaded),
    one: 1 / one.took,
    write: rate(wrote),
    read: rate(read),
  }
}
