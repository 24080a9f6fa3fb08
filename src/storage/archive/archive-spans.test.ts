import { afterEach, expect, test } from 'bun:test'
import { appendFileSync, cpSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { cleanUp, filesIn, folder } from '../recorder/recorder.test-aid.ts'
import { writeSynthetic } from './archive.test-aid.ts'
import { Archive } from './archive.ts'
import { SPAN } from './archive-index-writer.ts'

afterEach(cleanUp)

const HOURS = 72
const START = 1_700_006_400
/** With so few points, each pair covers more than a span. */
const FEW = { maxPoints: 5 }

const lowestAndHighest = (values: Iterable<unknown>) => {
  const numbers = [...values].map(Number)
  return [Math.min(...numbers), Math.max(...numbers)]
}

test('long spans of time are drawn from sums over hours, which follow the files', async () => {
  const [whole, dir] = [join(folder(), 'whole'), join(folder(), 'data')]
  writeSynthetic(whole, { start: START, hours: HOURS, rate: 1 / 30, fields: 2 })
  const files = filesIn(whole)
  const put = (paths: readonly string[]) => {
    for (const path of paths) cpSync(join(whole, path), join(dir, path), { preserveTimestamps: false })
  }
  using archive = new Archive(dir, join(folder(), 'index.sqlite'))

  const agrees = async () => {
    await archive.rescan()
    const fields = archive.fields()
    const all = await archive.read(fields, -Infinity, Infinity)
    const few = await archive.read(fields, -Infinity, Infinity, FEW)
    for (const [i, { t, values }] of few.entries()) {
      expect(lowestAndHighest(values)).toEqual(lowestAndHighest(all[i]?.values ?? []))
      expect(lowestAndHighest(t)[0]).toBeGreaterThanOrEqual(all[i]?.t[0] ?? Infinity)
    }
    return few[0]?.t.length ?? 0
  }

  // The last files first, so that spans grow at both ends; and half of one file.
  put(files.slice(30))
  await agrees()
  put(files.slice(0, 30))
  const last = files.at(-1) ?? ''
  const bytes = readFileSync(join(whole, last))
  truncateSync(join(dir, last), bytes.length / 2)
  await agrees()
  appendFileSync(join(dir, last), bytes.subarray(bytes.length / 2))
  expect(await agrees()).toBe((2 * HOURS * 3600) / SPAN)
  // Removing a file removes its extremes.
  rmSync(join(dir, files[7] ?? ''))
  for (const path of files.slice(12, 18)) rmSync(join(dir, path))
  expect(await agrees()).toBe((2 * HOURS * 3600) / SPAN - 2)
})

test('what begins or ends within a span is exact, and a file across two spans counts once', async () => {
  const dir = join(folder(), 'data')
  // In the second recording, the last file of each span ends in the next span.
  writeSynthetic(join(dir, 'one'), { start: START, hours: HOURS, rate: 1 / 30, fields: 1 })
  writeSynthetic(join(dir, 'two'), { start: START + 1800, hours: HOURS, rate: 1 / 30, fields: 1 })
  using archive = new Archive(dir)
  await archive.rescan()
  const fields = archive.fields()
  const [from, to] = [START + 4 * 3600 + 100, START + (HOURS - 7) * 3600 + 200]
  const [exact] = await archive.read(fields, from, to)
  const [few] = await archive.read(fields, from, to, FEW)
  expect(lowestAndHighest(few?.values ?? [])).toEqual(lowestAndHighest(exact?.values ?? []))
  expect(few?.t.every((t) => t >= from && t <= to)).toBe(true)
  // 9 whole spans, the whole files at both ends, and the samples of blocks of incomplete files; a file that
  // counts both in its span and by itself adds two at either end.
  expect(few?.t.length).toBe(112)
})
