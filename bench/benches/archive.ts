import { join } from 'node:path'
import type { Running } from '../../test/real/roles.ts'
import { DAY, START, type Wide } from '../../test/real/wide-archive.ts'
import { ocsPython, PYTHON } from '../anchors/ocs-python.ts'
import type { Bench, Bencher, Figures, RowSpec } from '../bench.ts'
import { most } from '../goal.ts'
import { order } from '../orders.ts'
import { quantile } from '../statistics.ts'

const FEEDS = 100
/**
 * A whole year of frames of five minutes takes longer to write than all other benches together, so only this
 * variable enables it.
 */
const DAYS = Number(process.env['OCS_ARCHIVE_DAYS'] ?? 4)
/** Maximum seconds for all of it. */
const PATIENCE = 420 + 30 * DAYS
const [FIELDS, POINTS, PANELS] = [20, 1000, 10]
/** How far panels reach back, days. */
const SPANS = { day: 1, month: 30, year: 365 }
/** Frames of a year in the goals: 100 feeds, every five minutes. */
const YEAR = (FEEDS * 365 * DAY) / 300

/** The year is complete, but with frames of an hour: as many files, a twelfth of the frames. */
const sizes = { short: { days: DAYS, feeds: FEEDS, frame: 300 }, year: { days: 365, feeds: 20, frame: 3600 } }

const panels = (size: keyof typeof sizes, what: string, goal: RowSpec['goal']) =>
  Object.entries(SPANS)
    .filter(([, span]) => span <= sizes[size].days)
    .map(
      ([name]): RowSpec => ({
        work: `archive of ${what}: a panel of ${FIELDS} fields over a ${name}, p50`,
        figure: `${size} ${name}`,
        unit: 'ms',
        ...(goal && { goal }),
      }),
    )
const short = `${FEEDS} feeds, ${DAYS} days in frames of 5 min`
const year = '20 feeds, a year in frames of an hour'

export const archive: Bench = {
  name: 'archive',
  help: 'panels over an archive of many feeds, and its first scan',
  how: 'the archive reader of the data node in a process of its own, 1,000 points a field; OCS_ARCHIVE_DAYS=365 makes the whole year of the goals; theirs: load_range of so3g, all samples',
  anchors: [ocsPython],
  rounds: DAYS > 30 ? 1 : 3,
  patience: PATIENCE,
  rows: [
    ...panels('short', short, most(100)),
    ...panels('year', year, most(100)),
    {
      work: `archive of ${year}: a day of ${FIELDS} fields beside so3g`,
      figure: 'year day',
      unit: 'ms',
      against: 'so3g',
    },
    { work: `archive of ${short}: first scan`, figure: 'short scan', unit: 's' },
    {
      work: 'first scan of a year of 100 feeds in frames of 5 min, from the same rate',
      figure: 'year scan',
      unit: 'min',
      goal: most(3),
    },
  ],
  async run(bench) {
    const { lab } = bench
    const own = lab.program('archive', [
      process.execPath,
      join(import.meta.dir, '..', 'clients', 'archive.ts'),
    ])
    await own.says('"ready"', 60)
    const quick = { short: { ...sizes.short, days: 1 }, year: { ...sizes.year, days: 1 } }
    const chosen = bench.quick ? quick : sizes
    const frames: Record<string, number> = {}
    for (const [name, size] of Object.entries(chosen)) {
      const dir = lab.path(name)
      const { count } = await order<{ count: number }>(own, { do: 'write', dir, size }, PATIENCE)
      bench.count(`${name}: frames`, count, (size.feeds * size.days * DAY) / size.frame)
      frames[name] = count
    }
    const python = bench.has(ocsPython) && !bench.quick
    return bench.interleave({
      ocs: () => measure(bench, own, chosen, frames['short'] ?? 0),
      so3g: python ? () => loadRange(bench, lab.path('year'), sizes.year) : undefined,
    })
  },
}

type Done = { readonly took: number; readonly count: number }

async function measure(
  bench: Bencher,
  own: Running,
  chosen: Readonly<Record<string, Wide>>,
  frames: number,
): Promise<Figures> {
  const figures: Record<string, number> = {}
  for (const [name, size] of Object.entries(chosen)) {
    const dir = bench.lab.path(name)
    const scan = await order<Done>(own, { do: 'scan', dir }, PATIENCE)
    bench.count(`${name}: files`, scan.count, size.days * 24)
    if (name === 'short') {
      figures['short scan'] = scan.took
      figures['year scan'] = (scan.took * YEAR) / frames / 60
    }
    for (const [spanName, span] of Object.entries(SPANS)) {
      if (span > size.days) continue
      const took: number[] = []
      for (let i = 0; i < bench.size(PANELS, 2); i++) {
        const panel = { do: 'panel', dir, size, span, fields: FIELDS, points: POINTS }
        const done = await order<Done>(own, panel)
        took.push(1000 * done.took)
        bench.count(`${name}: fields of a panel`, done.count, FIELDS)
      }
      figures[`${name} ${spanName}`] = quantile(took, 0.5)
    }
  }
  return figures
}

const LOAD = `
import sys, time
from so3g.hk import load_range
dir, start, end, count = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
fields = ['observatory.agent%d.feeds.temperatures.T' % i for i in range(count)]
begun = time.monotonic()
data = load_range(start, end, fields=fields, data_dir=dir)
print(time.monotonic() - begun, sum(len(data[name][0]) for name in fields))
`

async function loadRange(bench: Bencher, dir: string, { days, frame }: Wide): Promise<Figures> {
  const end = START + days * DAY
  const args = [dir, String(end - DAY), String(end), String(FIELDS)]
  const so3g = bench.lab.program('so3g', [PYTHON, '-c', LOAD, ...args])
  await so3g.ended(120)
  const [took = Number.NaN, samples = 0] = (so3g.text('out').split('\n').at(-1) ?? '').split(' ').map(Number)
  bench.count('so3g: samples of the day', samples, (FIELDS * DAY * 10) / frame)
  return { 'year day': 1000 * took }
}
