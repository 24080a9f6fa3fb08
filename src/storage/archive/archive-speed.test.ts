import { afterEach, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { cleanUp, filesIn, folder } from '../recorder/recorder.test-aid.ts'
import { syntheticValue, writeSynthetic } from './archive.test-aid.ts'
import { Archive } from './archive.ts'

afterEach(cleanUp)

const START = 1_700_002_800
const HOURS = 30 * 24
const DAY = 86_400
const RATE = 1 / 30

test('20 fields of a month: a day and the month are answered from the index, extremes exact', async () => {
  const dir = join(folder(), 'data')
  writeSynthetic(dir, { start: START, hours: HOURS, rate: RATE, fields: 20 })
  using archive = new Archive(dir, join(folder(), 'index.sqlite'))
  expect(await archive.rescan()).toBe(HOURS)
  expect(await archive.rescan()).toBe(0)
  const fields = archive.fields().toSorted((a, b) => a.name.length - b.name.length)
  expect(fields.length).toBe(20)
  const end = START + HOURS * 3600
  const count = HOURS * 3600 * RATE
  const all = Float64Array.from({ length: count }, (_, n) => syntheticValue(0, n))
  const extremes = (values: Iterable<unknown>) => {
    const numbers = [...values].map(Number)
    return [Math.max, Math.min].map((pick) => numbers.reduce((a, b) => pick(a, b)))
  }
  /**
   * Only files that are still there can be read: if a removed one were needed, its samples would be missing.
   */
  const leave = (from: number) => {
    for (const path of filesIn(dir)) if (Number(path.slice(6, 16)) < from) rmSync(join(dir, path))
  }

  leave(end - DAY)
  const [day] = await archive.read(fields.slice(0, 1), end - DAY, end)
  expect(day?.values).toEqual(all.slice(count - DAY * RATE))
  const [few] = await archive.read(fields, end - DAY, end, { maxPoints: 1000 })
  expect(extremes(few?.values ?? [])).toEqual(extremes(all.slice(count - DAY * RATE)))

  leave(Infinity)
  const month = await archive.read(fields, START, end, { maxPoints: 1000 })
  expect(month.every(({ t }) => t.length === 2 * HOURS)).toBe(true)
  expect(extremes(month[0]?.values ?? [])).toEqual(extremes(all))
})
