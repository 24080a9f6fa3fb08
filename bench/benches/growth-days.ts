/** The cost of days of an archive: its first scan, and a panel over them. */
import { join } from 'node:path'
import { DAY, type Wide } from '../../test/real/wide-archive.ts'
import type { Bencher, Figures, RowSpec } from '../bench.ts'
import type { Goal } from '../goal.ts'
import { order } from '../orders.ts'
import { cpuSeconds } from '../process-cost.ts'

/** A small recording: feeds, and seconds per frame; then points of a panel, and panels of a round. */
const [FEEDS, FRAME, POINTS, PANELS] = [5, 3600, 100, 10]

const named = (figure: string, i: number) => `days ${figure} ${i}`

/** The rows of days; `goal`: for the cost of one day. */
export function daysRows(times: readonly number[], goal: Goal): RowSpec[] {
  const row = (what: string, figure: string): RowSpec => ({
    work: `an archive of ${FEEDS} feeds: ${what} ${times.join(', ')} days, CPU for a day`,
    figure: times.map((_, i) => named(figure, i)),
    unit: 'ms',
    goal,
  })
  return [row('the first scan of', 'scan'), row('a panel over', 'panel')]
}

/** Measures them, round by round. */
export async function days(bench: Bencher, times: readonly number[]): Promise<Figures[]> {
  const { lab } = bench
  const client = join(import.meta.dir, '..', 'clients', 'archive.ts')
  const archive = lab.program('archive', [process.execPath, client])
  await archive.says('"ready"', 60)
  const size = (count: number): Wide => ({ days: count, feeds: FEEDS, frame: FRAME })
  const dirOf = (count: number) => lab.path(`days-${count}`)
  for (const count of times) {
    const frames = (FEEDS * count * DAY) / FRAME
    const made = await order<Done>(archive, { do: 'write', dir: dirOf(count), size: size(count) })
    bench.count(`${count} days: frames`, made.count, frames)
  }
  const longest = Math.max(...times)
  /** CPU time of the reader for an order, ms. */
  const cost = async (what: object, expected: number) => {
    const before = cpuSeconds([archive.pid])
    const { count } = await order<Done>(archive, what)
    bench.count(`days: answer to ${JSON.stringify(what)}`, count, expected)
    return 1000 * (cpuSeconds([archive.pid]) - before)
  }
  const { ocs = [] } = await bench.interleave({
    ocs: async () => {
      const figures: Record<string, number> = {}
      for (const [i, count] of times.entries()) {
        const scan = await cost({ do: 'scan', dir: dirOf(count) }, 24 * count)
        figures[named('scan', i)] = scan / count
      }
      for (const [i, count] of times.entries()) {
        const range = { dir: dirOf(longest), size: size(longest), span: count }
        const panel = { do: 'panel', ...range, fields: FEEDS, points: POINTS }
        let all = 0
        for (let n = 0; n < bench.size(PANELS, 1); n++) all += await cost(panel, FEEDS)
        figures[named('panel', i)] = all / bench.size(PANELS, 1) / count
      }
      return figures
    },
  })
  return ocs.map((figures) => figures ?? {})
}

interface Done {
  readonly count: number
}
