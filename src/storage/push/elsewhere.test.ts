/** Readers of recordings find files that were pushed and then removed here. */
import { afterEach, expect, test } from 'bun:test'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fakeClock } from '../../core/clock.test-aid.ts'
import { archiveData } from '../../datanode/g3-archive.ts'
import { Archive } from '../archive/archive.ts'
import { Elsewhere } from '../elsewhere/elsewhere.ts'
import { openStore } from '../elsewhere/open-store.ts'
import { ENV, refusal, type S3Server, s3Server } from '../elsewhere/s3-server.test-aid.ts'
import { audit } from '../recorder/audit.ts'
import { disk } from '../recorder/disk.ts'
import { cleanUp, filesIn, folder, HOUR, recordedHours, T0 } from '../recorder/recorder.test-aid.ts'
import { bringBack, placedIn, wantedOf } from './bring-back.ts'
import { push } from './push.ts'

afterEach(cleanUp)

const HOURS = 3

/** Pushes everything, and removes the files that may be removed here. */
async function move(server: S3Server, dir: string): Promise<void> {
  const store = openStore('s3://lab/hk', {
    endpoint: server.endpoint,
    env: ENV,
    scratch: join(dir, '..', 'scratch'),
  })
  const { signal } = new AbortController()
  const { faults } = await push({ dir, store, signal, keep: 0, beforeRemoval: async () => {}, log: () => {} })
  expect(faults).toEqual([])
  expect(filesIn(dir)).toHaveLength(1)
}

const gets = (server: S3Server) => server.asked.filter((one) => /^GET lab\/hk\/\d/.test(one))

/** The values of the only field between two hours. */
async function values(archive: Archive, from: number, to: number): Promise<number[]> {
  const [column] = await archive.read(archive.fields(), T0 + from * HOUR, T0 + to * HOUR - 1)
  return [...((column?.values ?? []) as Float64Array)]
}
const counting = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

test('what the index knows is not fetched; of the rest only the files that are asked for, once', async () => {
  await using server = s3Server()
  const { dir } = await recordedHours(HOURS)
  const index = join(folder(), 'index.sqlite')
  using archive = new Archive(dir, index, ENV)
  await archive.rescan()
  const [first = ''] = filesIn(dir)
  await move(server, dir)
  const before = gets(server).length
  expect(await archive.rescan()).toBe(0)
  const [field] = archive.fields()
  expect(field && archive.overview(field).reduce((sum, { count }) => sum + count, 0)).toBe(18)
  expect(gets(server)).toHaveLength(before)
  expect(await values(archive, 0, 1)).toEqual(counting(0, 6))
  expect(await values(archive, 0, 1)).toEqual(counting(0, 6))
  expect(gets(server).slice(before)).toEqual([`GET lab/hk/${first}`])
  expect(await values(archive, 0, HOURS)).toEqual(counting(0, 18))
  expect(archive.unreached).toBeUndefined()
})

test('an index that was thrown away is made anew by what lies elsewhere, so many files at a time', async () => {
  await using server = s3Server()
  const { dir } = await recordedHours(HOURS)
  await move(server, dir)
  const before = gets(server).length
  using archive = new Archive(dir, join(folder(), 'index.sqlite'), ENV)
  expect(await archive.rescan(undefined, undefined, 1)).toBe(2)
  expect(gets(server)).toHaveLength(before + 1)
  // While a file is waiting to be read, it is unknown whether it has such samples.
  const [name = ''] = archive.fields().map(({ label }) => label)
  const all = (from: number, to: number, max_points?: number) =>
    archiveData(archive, { fields: [name], start: T0 + from * HOUR, end: T0 + to * HOUR - 1, max_points })
  expect(all(0, HOURS)).rejects.toThrow(
    /some files cannot be read at the moment: .* is stored elsewhere and not read yet/,
  )
  await all(0, HOURS).catch(() => {})
  expect((await all(4, 5)).data[name]).toHaveLength(0)
  expect((await all(0, HOURS, 100)).data[name]).toHaveLength(12)
  expect(await archive.rescan()).toBe(1)
  expect((await all(0, HOURS)).data[name]).toHaveLength(18)
  expect(await archive.rescan()).toBe(0)
  expect(await values(archive, 0, HOURS)).toEqual(counting(0, 18))
  expect(gets(server)).toHaveLength(before + 2)
})

test.each([
  [
    'does not answer',
    (server: S3Server) => server[Symbol.asyncDispose](),
    /s3:\/\/lab\/hk at http\S+ does not answer/,
  ],
  [
    'refuses',
    (server: S3Server) => {
      server.hook = () => refusal(403, 'AccessDenied')
    },
    /s3:\/\/lab\/hk at http\S+: refused \(AccessDenied\)/,
  ],
  [
    'has other bytes',
    (server: S3Server) => {
      for (const [key, bytes] of server.objects) server.objects.set(key, bytes.with(10, (bytes[10] ?? 0) ^ 1))
    },
    /what is in s3:\/\/lab\/hk is not what was pushed there/,
  ],
  [
    'has cut them',
    (server: S3Server) => {
      for (const [key, bytes] of server.objects) server.objects.set(key, bytes.slice(1))
    },
    /is not what was pushed/,
  ],
  ['has lost them', (server: S3Server) => server.objects.clear(), /is no longer in s3:\/\/lab\/hk/],
] as const)('a store that %s is told, and what is here is read', async (_, spoil, why) => {
  await using server = s3Server()
  const { dir } = await recordedHours(HOURS)
  using archive = new Archive(dir, join(folder(), 'index.sqlite'), ENV)
  await archive.rescan()
  await move(server, dir)
  await archive.rescan()
  await spoil(server)
  expect(await values(archive, 0, HOURS)).toEqual(counting(12, 18))
  expect(archive.unreached).toMatch(why)
  expect(archive.unreached).toMatch(/; the same for 1 more file$/)
  const [name = ''] = archive.fields().map(({ label }) => label)
  const asked = { fields: [name], start: T0, end: T0 + HOURS * HOUR }
  expect(archiveData(archive, asked)).rejects.toThrow(why)
  await archiveData(archive, asked).catch(() => {})
  expect((await archiveData(archive, { ...asked, max_points: 100 })).data[name]).toHaveLength(6)
  expect(() => archive.assertReached()).toThrow(
    /^some files were not read: 17000\/\d+\.g3 is stored elsewhere: /,
  )
  // A new index does not have these files, and says so.
  using bare = new Archive(dir, join(folder(), 'index.sqlite'), ENV)
  await bare.rescan()
  expect(bare.problems().map(({ goodBytes, reason }) => [goodBytes, why.test(reason)])).toEqual([
    [0, true],
    [0, true],
  ])
  // Judged by the notes, the audit is complete; judged by the store, it is not.
  expect((await audit(disk, dir)).damaged).toEqual([])
  const elsewhere = new Elsewhere(dir, join(folder(), 'copies'), ENV).refresh()
  const { damaged, epochs } = await audit(disk, dir, [], async ({ file }) => {
    return await disk.read((await elsewhere.copy(file)) ?? '')
  })
  expect(damaged.map(({ reason }) => why.test(reason))).toEqual([true, true])
  expect(epochs).toMatchObject([{ recorded: 6, missing: [{ first: 1, last: 12 }] }])
})

test('a store that was silent is asked again after a while, and not before', async () => {
  await using server = s3Server()
  const { dir } = await recordedHours(HOURS)
  const [first = ''] = filesIn(dir)
  await move(server, dir)
  const clock = fakeClock()
  const elsewhere = new Elsewhere(dir, join(folder(), 'copies'), ENV, clock).refresh()
  const { signal } = new AbortController()
  server.hook = () => refusal(503, 'SlowDown')
  expect(elsewhere.copy(first)).rejects.toThrow(/does not answer: HTTP 503 SlowDown/)
  await elsewhere.copy(first).catch(() => {})
  server.hook = () => undefined
  const before = server.asked.length
  await elsewhere.retry(signal)
  await elsewhere.copy(first).catch(() => {})
  expect([server.asked.length - before, elsewhere.unreached.size]).toEqual([0, 1])
  clock.spend(60_000)
  await elsewhere.retry(signal)
  expect([server.asked.length - before, elsewhere.unreached.size]).toEqual([1, 0])
  expect(statSync((await elsewhere.copy(first)) ?? '').size).toBeGreaterThan(100)
})

test('a file comes back as it was, and never in place of another', async () => {
  await using server = s3Server()
  const { dir } = await recordedHours(HOURS)
  const [first = '', second = ''] = filesIn(dir)
  const before = readFileSync(join(dir, first))
  await move(server, dir)
  const placed = await placedIn(dir)
  expect(() => wantedOf(placed, ['17000/1.g3'])).toThrow(/no pushed file is "17000\/1\.g3"/)
  expect(wantedOf(placed, ['17000/', first]).map(({ file }) => file)).toEqual([first, second])
  const elsewhere = new Elsewhere(dir, join(folder(), 'copies'), ENV).refresh()
  const copy = (await elsewhere.copy(first)) ?? ''
  await bringBack(dir, first, copy)
  expect(readFileSync(join(dir, first))).toEqual(before)
  expect(bringBack(dir, first, copy)).rejects.toThrow(/is there already/)
  await bringBack(dir, first, copy).catch(() => {})
  expect((await placedIn(dir)).filter(({ here }) => !here).map(({ file }) => file)).toEqual([second])
  const { epochs } = await audit(disk, dir)
  expect(epochs).toMatchObject([{ recorded: 18, missing: [], doubled: [] }])
})
