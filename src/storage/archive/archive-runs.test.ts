/** Blocks of one file with different columns, and files that have been replaced since they were indexed. */
import { afterEach, expect, test } from 'bun:test'
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dataFrame, type HkBlock, headFrames } from '../g3/hk.ts'
import type { G3Source } from '../g3/objects.ts'
import { cleanUp, folder } from '../recorder/recorder.test-aid.ts'
import { Archive } from './archive.ts'

afterEach(cleanUp)

const T0 = 1_700_050_000
const doubles = (...value: number[]): G3Source => ({ kind: 'G3VectorDouble', value })
const ints = (...value: number[]): G3Source => ({ kind: 'G3VectorInt', value })
const texts = (...value: string[]): G3Source => ({ kind: 'G3VectorString', value })

/** Writes a file of one feed, with one frame for each of the blocks `temps`. Returns its path. */
function write(
  dir: string,
  blocks: readonly (readonly [t: number[], fields: Record<string, G3Source>])[],
): string {
  const frames = blocks.map(([times, fields], i) => {
    const block: HkBlock = { name: 'temps', times, fields: new Map(Object.entries(fields)) }
    return dataFrame(1n, times[0] ?? 0, {
      root: 'observatory',
      from: { spool: 's', instance: 'it', feed: 'feed', epoch: `e${Math.floor(i / 2)}` },
      ...{ provider: 0, first: i + 1, last: i + 1, blocks: [block], gaps: [] },
    })
  })
  const path = join(dir, '17000', `${T0}.g3`)
  mkdirSync(join(dir, '17000'), { recursive: true })
  const providers = new Map([[0, 'observatory.it.feeds.feed']])
  const head = headFrames({ sessionId: 1n, time: T0, generation: 0, ledger: '{}' }, providers)
  writeFileSync(path, Buffer.concat([head, ...frames]))
  return path
}

async function columns(archive: Archive, maxPoints?: number) {
  const fields = archive.fields()
  const read = await archive.read(fields, -Infinity, Infinity, { maxPoints })
  return Object.fromEntries(
    read.map(({ t, values }, i) => [fields[i]?.name, [...t].map((at, n) => [at - T0, values[n]])]),
  )
}

test('fields that come, go and change their type and width from frame to frame', async () => {
  const dir = folder()
  write(dir, [
    [[T0, T0 + 1], { a: doubles(1, 2), n: ints(1, -2) }],
    [[T0 + 2], { a: doubles(3), n: ints(70_000) }],
    [[T0 + 4], { b: texts('x'), n: ints(5) }],
    [[T0 + 6, T0 + 7], { a: ints(6, 7), b: texts('y', 'z') }],
    [[T0 + 8], { a: doubles(8.5), n: ints(8) }],
  ])
  using archive = new Archive(dir)
  await archive.rescan()
  expect(archive.problems()).toEqual([])
  const expected = {
    a: [
      [0, 1],
      [1, 2],
      [2, 3],
      [6, 6],
      [7, 7],
      [8, 8.5],
    ],
    b: [
      [4, 'x'],
      [6, 'y'],
      [7, 'z'],
    ],
    n: [
      [0, 1],
      [1, -2],
      [2, 70_000],
      [4, 5],
      [8, 8],
    ],
  }
  expect(await columns(archive)).toEqual(expected)
  expect(archive.fields().map(({ name, type }) => `${name} ${type}`)).toEqual([
    'a double',
    'b string',
    'n int',
  ])
  const [a] = archive.overview(archive.fields()[0] as never)
  expect(a).toMatchObject({ count: 6, low: 1, lowAt: T0, high: 8.5, highAt: T0 + 8, first: T0, last: T0 + 8 })
})

test('a field is not there in a gap between frames of one file', async () => {
  const dir = folder()
  write(dir, [
    [[T0, T0 + 10], { a: doubles(1, 2) }],
    [[T0 + 50, T0 + 60], { a: doubles(3, 4) }],
  ])
  using archive = new Archive(dir)
  await archive.rescan()
  const names = (from: number, to: number) => archive.fields(T0 + from, T0 + to).map(({ name }) => name)
  expect(names(20, 40)).toEqual([])
  for (const [from, to] of [
    [-5, 0],
    [3, 5],
    [5, 20],
    [20, 55],
    [52, 53],
    [55, 99],
    [-5, 99],
  ] as const)
    expect(names(from, to)).toEqual(['a'])
  expect(archive.newest(archive.fields()[0] as never)).toEqual({ last: T0 + 60, interval: 10 })
})

test('of a frame that was replaced since it was read nothing is taken, whatever lies there', async () => {
  const dir = folder()
  const path = write(dir, [
    [[T0, T0 + 1], { a: doubles(1, 2) }],
    [[T0 + 2, T0 + 3], { a: doubles(3, 4) }],
  ])
  using archive = new Archive(dir)
  await archive.rescan()
  const before = statSync(path)
  write(dir, [
    [[T0, T0 + 1], { a: doubles(5, 6) }],
    [[T0 + 2, T0 + 3], { a: doubles(3, 4) }],
  ])
  expect(await columns(archive)).toEqual({
    a: [
      [2, 3],
      [3, 4],
    ],
  })
  writeFileSync(path, readFileSync(path).subarray(0, -1))
  expect(await columns(archive)).toEqual({ a: [] })
  // Plots drawn from sums show the new file too, once it has been read again.
  utimesSync(path, before.atime, new Date(before.mtimeMs + 5000))
  await archive.rescan()
  expect(await columns(archive)).toEqual({
    a: [
      [0, 5],
      [1, 6],
    ],
  })
})
