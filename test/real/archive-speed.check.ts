/**
 * Panels over an archive of many feeds, compared with so3g's load_range on the same files: a day of 100 feeds
 * in frames of five minutes, and a year of 20 feeds in frames of an hour. OCS_ARCHIVE_DAYS=365 makes the
 * first one a year, too (about 10 million frames).
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { archiveData } from '../../src/datanode/g3-archive.ts'
import { writeSynthetic } from '../../src/storage/archive/archive.test-aid.ts'
import { Archive } from '../../src/storage/archive/archive.ts'
import { figure, Lab } from './roles.ts'
import { DAY, HOUR, SAMPLES, START, syntheticValue, type Wide, writeArchive } from './wide-archive.ts'

const DAYS = Number(process.env['OCS_ARCHIVE_DAYS'] ?? 1)
setDefaultTimeout(390_000 * Math.sqrt(DAYS))

interface Size extends Wide {
  /** The spans that so3g also reads, and how often. */
  readonly so3g: readonly string[]
  readonly rounds: number
}
const sizes: readonly Size[] = [
  {
    days: DAYS,
    feeds: 100,
    frame: 300,
    so3g: ['day'],
    rounds: 1,
  },
  { days: 365, feeds: 20, frame: HOUR, so3g: ['day', 'month'], rounds: 1 },
]
/** Fields of a panel, and points of each of its curves. */
const PANEL = 20
const POINTS = 1000
const ROUNDS = 10
const SPANS = { day: DAY, month: 30 * DAY, year: 365 * DAY }

/** Times load_range for each span, and prints the first field's samples of the last one. */
const SO3G = `
import sys, json, time, math
from so3g.hk import load_range
dir, end, rounds, fields, spans = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4]), json.loads(sys.argv[5])
for name, span in spans.items():
    took = []
    for _ in range(rounds):
        begun = time.monotonic()
        data = load_range(end - span, end, fields=fields, data_dir=dir)
        took.append(time.monotonic() - begun)
    times, values = data[fields[0]]
    print(json.dumps({'span': name, 'took': sorted(took), 'count': len(times), 'sum': math.fsum(values)}))
`
const ms = (list: readonly number[], part: number) =>
  (list[Math.min(list.length - 1, Math.floor(list.length * part))] ?? 0).toFixed(1)

for (const size of sizes)
  test(`${PANEL} fields of ${size.feeds} feeds over ${size.days} days: panels from the index, beside so3g`, () =>
    measure(size))

test('20 fields of a month, one feed: scan and panels', async () => {
  await using lab = new Lab()
  const dir = lab.path('data')
  const [start, hours, rate] = [1_700_002_800, 30 * 24, 1 / 30]
  const bytes = writeSynthetic(dir, { start, hours, rate, fields: PANEL })
  using archive = new Archive(dir, lab.path('index.sqlite'))
  const timed = async (what: () => Promise<unknown>) => {
    const begun = performance.now()
    await what()
    return performance.now() - begun
  }
  const scan = await timed(() => archive.rescan())
  const again = await timed(() => archive.rescan())
  figure(
    `${PANEL} fields × 30 days every ${1 / rate} s: ${(bytes / 1e6).toFixed(0)} MB, scan ${scan.toFixed(0)} ms, nothing new ${again.toFixed(0)} ms`,
  )
  const end = start + hours * HOUR
  for (const [name, span] of Object.entries({ hour: HOUR, day: DAY, month: 30 * DAY })) {
    const took: number[] = []
    for (let round = 0; round < ROUNDS; round++)
      took.push(await timed(() => archive.read(archive.fields(), end - span, end, { maxPoints: POINTS })))
    took.sort((a, b) => a - b)
    figure(`1 ${name}: p50 ${ms(took, 0.5)} ms, worst ${ms(took, 1)} ms`)
  }
})

async function measure(size: Size): Promise<void> {
  const { days, feeds, frame } = size
  const python = process.env['OCS_SO3G_PYTHON']
  if (!python) throw new Error('OCS_SO3G_PYTHON has to name the Python that has so3g')
  await using lab = new Lab()
  const dir = lab.path('data')
  const { bytes, frames } = writeArchive(dir, size)
  using archive = new Archive(dir, lab.path('index.sqlite'))
  const begun = performance.now()
  expect(await archive.rescan()).toBe(days * 24)
  figure(
    `${days} days of ${feeds} feeds: ${frames} frames, ${(bytes / 1e6).toFixed(0)} MB, read once in ${((performance.now() - begun) / 1000).toFixed(1)} s`,
  )
  const all = archive.fields()
  expect(all).toHaveLength(feeds)
  const fields = Array.from({ length: PANEL }, (_, i) => `agent${i}.temperatures.T`)
  const end = START + days * DAY
  const spans = Object.fromEntries(Object.entries(SPANS).filter(([, span]) => span <= days * DAY))
  for (const [name, span] of Object.entries(spans)) {
    const took: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const asked = performance.now()
      const { data } = await archiveData(archive, { fields, start: end - span, end, max_points: POINTS })
      took.push(performance.now() - asked)
      const values = (data['agent3.temperatures.T'] ?? []) as number[]
      expect(values.length).toBeLessThanOrEqual(POINTS)
      // No spike is lost, however few points represent the span.
      const first = ((end - span - START) / frame) * SAMPLES
      const truth = Array.from({ length: (span / frame) * SAMPLES }, (_, i) => syntheticValue(3, first + i))
      expect(Math.max(...values)).toBe(truth.reduce((a, b) => Math.max(a, b)))
      expect(Math.min(...values)).toBe(truth.reduce((a, b) => Math.min(a, b)))
    }
    took.sort((a, b) => a - b)
    figure(`ocs, 1 ${name}: p50 ${ms(took, 0.5)} ms, p99 ${ms(took, 0.99)} ms`)
  }
  const both = Object.fromEntries(Object.entries(spans).filter(([name]) => size.so3g.includes(name)))
  const addresses = fields.map((_, i) => `observatory.agent${i}.feeds.temperatures.T`)
  const args = [dir, String(end), String(size.rounds), JSON.stringify(addresses), JSON.stringify(both)]
  const so3g = lab.program('so3g', [python, '-c', SO3G, ...args])
  expect((await so3g.ended(300)).code).toBe(0)
  const lines = so3g
    .text('out')
    .split('\n')
    .filter((line) => line.startsWith('{'))
  expect(lines).toHaveLength(Object.keys(both).length)
  for (const line of lines) {
    const { span, took, count, sum } = JSON.parse(line) as {
      span: keyof typeof SPANS
      took: number[]
      count: number
      sum: number
    }
    const own = await archiveData(archive, { fields: fields.slice(0, 1), start: end - SPANS[span], end })
    const values = (own.data[fields[0] ?? ''] ?? []) as number[]
    expect(count).toBe(values.length)
    expect(sum).toBeCloseTo(
      values.reduce((a, b) => a + b, 0),
      3,
    )
    const list = took.map((seconds) => 1000 * seconds)
    figure(
      `so3g's load_range, 1 ${span}: p50 ${ms(list, 0.5)} ms, worst ${ms(list, 1)} ms, all ${count} samples of each`,
    )
  }
}
