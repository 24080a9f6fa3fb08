import { afterEach, expect, test } from 'bun:test'
import { join } from 'node:path'
import { cleanUp, folder } from '../recorder/recorder.test-aid.ts'
import { syntheticValue, writeSynthetic } from './archive.test-aid.ts'
import { Archive } from './archive.ts'

afterEach(cleanUp)

const START = 1_700_002_800
const HOURS = 30 * 24
const DAY = 86_400
const ROUNDS = 10

test('20 fields of a month: a day and the month are answered from the index, extremes exact', async () => {
  const dir = join(folder(), 'data')
  const rate = 1 / 30
  const bytes = writeSynthetic(dir, { start: START, hours: HOURS, rate, fields: 20 })
  using archive = new Archive(dir, join(folder(), 'index.sqlite'))
  const begun = performance.now()
  expect(await archive.rescan()).toBe(HOURS)
  const scan = performance.now() - begun
  const again = performance.now()
  expect(await archive.rescan()).toBe(0)
  const look = performance.now() - again
  const fields = archive.fields().toSorted((a, b) => a.name.length - b.name.length)
  expect(fields.length).toBe(20)
  const end = START + HOURS * 3600
  const spans = { hour: end - 3600, day: end - DAY, month: START }
  const figures: string[] = []
  for (const [name, from] of Object.entries(spans)) {
    const times: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const asked = performance.now()
      await archive.read(fields, from, end, { maxPoints: 1000 })
      times.push(performance.now() - asked)
    }
    times.sort((a, b) => a - b)
    figures.push(`${name} p50 ${times[ROUNDS / 2]?.toFixed(1)} ms, worst ${times.at(-1)?.toFixed(1)} ms`)
  }
  const figure = `${(bytes / 1e6).toFixed(0)} MB, scan ${scan.toFixed(0)} ms, nothing new ${look.toFixed(0)} ms`
  process.stderr.write(`20 fields × 30 days every ${1 / rate} s: ${figure}; ${figures.join('; ')}\n`)
  const count = HOURS * 3600 * rate
  const [column] = await archive.read(fields.slice(0, 1), START, end, { maxPoints: 1000 })
  const all = Float64Array.from({ length: count }, (_, n) => syntheticValue(0, n))
  for (const pick of [Math.max, Math.min]) {
    const extreme = (values: Iterable<unknown>) => [...values].map(Number).reduce((a, b) => pick(a, b))
    expect(extreme(column?.values ?? [])).toBe(extreme(all))
  }
  expect(column?.t.length).toBeLessThan(count / 10)
  const [day] = await archive.read(fields.slice(0, 1), end - DAY, end)
  expect(day?.values).toEqual(all.slice(count - DAY * rate))
}, 20_000)
