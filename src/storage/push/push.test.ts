import { afterEach, expect, test } from 'bun:test'
import {
  appendFileSync,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { openStore } from '../elsewhere/open-store.ts'
import { ENV, refusal, type S3Server, s3Server } from '../elsewhere/s3-server.test-aid.ts'
import { audit } from '../recorder/audit.ts'
import { disk } from '../recorder/disk.ts'
import {
  addHour,
  cleanUp,
  data,
  declaration,
  filesIn,
  record,
  recordedHours,
  TestEpoch,
} from '../recorder/recorder.test-aid.ts'
import { placedIn } from './bring-back.ts'
import { lockPush, type PushOptions, push } from './push.ts'

afterEach(cleanUp)

const declared = declaration({ temps: { T: 'double' } })
const URL_OF = 's3://lab/hk'
const WHOLE = { missing: [], doubled: [], gaps: [] }

/** Pushes once; returns the result and the messages. */
async function pushed(server: S3Server, dir: string, options: Partial<PushOptions> = {}) {
  const said: string[] = []
  const { endpoint } = server
  const result = await push({
    dir,
    store: openStore(URL_OF, { endpoint, env: ENV, scratch: join(dir, '..', 'copies') }),
    signal: new AbortController().signal,
    beforeRemoval: async () => {},
    log: (text) => said.push(text),
    ...options,
  })
  return { ...result, said }
}

const inStore = (server: S3Server) =>
  [...server.objects.keys()].flatMap((key) => /^lab\/hk\/(\d+\/.*)/.exec(key)?.[1] ?? []).sort()

test('closed files are in the store byte by byte, once, and are noted; nothing is removed', async () => {
  await using server = s3Server()
  const { dir } = await recordedHours()
  const files = filesIn(dir)
  expect(files).toHaveLength(3)
  expect(await pushed(server, dir)).toMatchObject({ pushed: 3, known: 0, open: 0, removed: 0, faults: [] })
  expect(inStore(server)).toEqual(files)
  for (const file of files)
    expect(server.objects.get(`lab/hk/${file}`)).toEqual(new Uint8Array(readFileSync(join(dir, file))))
  expect(filesIn(dir)).toEqual(files)
  expect((await placedIn(dir)).map(({ file, here, stores }) => [file, here, ...stores])).toEqual(
    files.map((file) => [file, true, URL_OF]),
  )
  const before = server.asked.length
  expect(await pushed(server, dir)).toMatchObject({ pushed: 0, known: 3, said: [] })
  expect(server.asked.slice(before)).toEqual(['GET lab/hk/.ocs/store.json'])
})

test('what the recorder writes is left to it, however long nothing has come', async () => {
  await using server = s3Server()
  const dir = data()
  const { recorder } = await record(dir, { frameLength: 60 })
  const epoch = addHour(new TestEpoch('temperatures', 'e1', declared), 0)
  epoch.feed(recorder)
  await recorder.flush()
  const [file = ''] = filesIn(dir)
  utimesSync(join(dir, file), 1, 1)
  expect(await pushed(server, dir)).toMatchObject({ pushed: 0, open: 1 })
  await recorder[Symbol.asyncDispose]()
  expect(await pushed(server, dir)).toMatchObject({ pushed: 1, open: 0 })
})

test('an object that is cut or of other bytes is sent again; one that stays so is not safe, and not noted', async () => {
  await using server = s3Server()
  const { dir } = await recordedHours()
  const [first = '', second = ''] = filesIn(dir)
  let spoilt = 0
  server.hook = (method, key) => {
    const object = server.objects.get(key)
    if (method !== 'GET' || !object) return undefined
    if (key.endsWith(first) && spoilt++ === 0) return new Response(object.slice(0, -1))
    if (!key.endsWith(second)) return undefined
    return new Response(object.with(100, (object[100] ?? 0) ^ 1))
  }
  const { pushed: done, faults, said } = await pushed(server, dir, { keep: 0 })
  expect(done).toBe(2)
  expect(faults).toEqual([
    expect.stringMatching(new RegExp(`^${second}: s3://lab/hk has .* of what was sent, 3 times`)),
  ])
  expect(said.filter((text) => text.includes('sending it again'))).toHaveLength(3)
  const placed = await placedIn(dir)
  expect(placed.map(({ file }) => file)).not.toContain(second)
  expect(existsSync(join(dir, second))).toBe(true)
  // The store works again: its file of that name is ours to replace.
  server.hook = () => undefined
  server.objects.set(`lab/hk/${second}`, new Uint8Array(3))
  expect(await pushed(server, dir)).toMatchObject({ pushed: 1, faults: [] })
  expect(server.objects.get(`lab/hk/${second}`)).toEqual(new Uint8Array(readFileSync(join(dir, second))))
})

test('a file of somebody else in the store is let be', async () => {
  await using server = s3Server()
  const { dir } = await recordedHours(1)
  const [file = ''] = filesIn(dir)
  server.objects.set(`lab/hk/${file}`, new Uint8Array(3))
  const { faults } = await pushed(server, dir)
  expect(faults).toEqual([expect.stringContaining('was not pushed from here')])
  expect(server.objects.get(`lab/hk/${file}`)).toEqual(new Uint8Array(3))
})

test('a file that changes while it is pushed is not noted as it was', async () => {
  await using server = s3Server()
  const { dir } = await recordedHours(1)
  const [file = ''] = filesIn(dir)
  server.hook = (method, key) => {
    if (method === 'PUT' && key.endsWith(file)) appendFileSync(join(dir, file), 'x')
    return undefined
  }
  expect(await pushed(server, dir)).toMatchObject({
    faults: [expect.stringContaining('it is being written')],
  })
  expect(await placedIn(dir)).toEqual([])
  server.hook = () => undefined
  expect(await pushed(server, dir)).toMatchObject({ pushed: 1, faults: [] })
  expect(server.objects.get(`lab/hk/${file}`)?.length).toBe(statSync(join(dir, file)).size)
})

test('two data directories do not share a store, nor is a store the directory itself', async () => {
  await using server = s3Server()
  const [one, two] = [await recordedHours(1), await recordedHours(1)]
  await pushed(server, one.dir)
  const before = new Map(server.objects)
  expect(pushed(server, two.dir)).rejects.toThrow(/has the files of another data directory/)
  await pushed(server, two.dir).catch(() => {})
  expect(server.objects).toEqual(before)
  // Like a folder that rsync reaches in another way.
  const store = {
    url: 'rsync:/same',
    put: async ({ path, bytes }: { path: string; bytes: Uint8Array }) =>
      writeFileSync(join(one.dir, path), bytes),
    read: async (path: string) =>
      existsSync(join(one.dir, path)) ? Bun.file(join(one.dir, path)).stream() : undefined,
  }
  const itself = pushed(server, one.dir, { store, keep: 0 })
  expect(itself).rejects.toThrow(/is the data directory itself/)
  await itself.catch(() => {})
  expect(filesIn(one.dir)).toHaveLength(1)
})

test('one push at a time', async () => {
  const { dir } = await recordedHours(1)
  using _first = lockPush(dir)
  expect(() => lockPush(dir)).toThrow(/another push of .* is running/)
  expect(() => lockPush(join(dir, 'nowhere'))).toThrow(/name a recorder's data directory/)
})

test('old files go once they were read back again, all but the newest; so they do while the disk is short', async () => {
  await using server = s3Server()
  const { dir } = await recordedHours(4)
  const files = filesIn(dir)
  const [first = '', second = '', third = '', newest = ''] = files
  await pushed(server, dir)
  expect(await pushed(server, dir, { keep: 1e9 })).toMatchObject({ removed: 0 })
  expect(await pushed(server, dir, { floor: 1 })).toMatchObject({ removed: 0 })
  for (const file of [first]) utimesSync(join(dir, file), 1, 1)
  // Its time has changed, so it is checked again; then it is removed.
  const before = server.asked.length
  expect(await pushed(server, dir, { keep: 86_400 })).toMatchObject({ pushed: 1, removed: 1 })
  expect(server.asked.slice(before).filter((one) => one.startsWith('PUT lab/hk/1'))).toEqual([])
  expect(filesIn(dir)).toEqual([second, third, newest])
  // A file that the store has lost in the meantime is sent again, and stays here.
  server.objects.delete(`lab/hk/${second}`)
  const again = await pushed(server, dir, { floor: 1e18 })
  expect(again).toMatchObject({ removed: 1, faults: [] })
  expect(again.said).toContainEqual(expect.stringContaining(`${second}: ${URL_OF} no longer has it`))
  expect(again.said.at(-1)).toMatch(/only .* are free on the disk of .* and no more files can be removed/)
  expect(filesIn(dir)).toEqual([second, newest])
  expect(inStore(server)).toEqual(files)
})

test('a file that has rotted here neither goes nor takes the place of the one that was pushed', async () => {
  await using server = s3Server()
  const { dir } = await recordedHours(2)
  const [first = ''] = filesIn(dir)
  await pushed(server, dir)
  const [path, good] = [join(dir, first), server.objects.get(`lab/hk/${first}`)]
  const { mtimeMs, atimeMs } = statSync(path)
  const bytes = readFileSync(path)
  writeFileSync(path, bytes.with(100, (bytes[100] ?? 0) ^ 1))
  utimesSync(path, atimeMs / 1000, mtimeMs / 1000)
  const { faults, removed } = await pushed(server, dir, { keep: 0 })
  expect([removed, faults]).toEqual([
    0,
    [expect.stringContaining('the file here differs from the pushed one')],
  ])
  expect(server.objects.get(`lab/hk/${first}`)).toEqual(good as Uint8Array<ArrayBuffer>)
})

test('whatever request fails, the next push goes on, and nothing is gone that is not in the store', async () => {
  for (let failing = 0, ended = false; !ended; failing++) {
    await using server = s3Server()
    const { dir } = await recordedHours()
    const files = filesIn(dir)
    let asked = 0
    server.hook = () => (asked++ === failing ? refusal(400, 'RequestTimeout') : undefined)
    ended = await pushed(server, dir, { keep: 0 }).then(
      () => true,
      () => false,
    )
    const safe = new Set(inStore(server))
    for (const file of files) expect(existsSync(join(dir, file)) || safe.has(file)).toBe(true)
    server.hook = () => undefined
    await pushed(server, dir, { keep: 0 })
    expect(await pushed(server, dir)).toMatchObject({ pushed: 0, faults: [] })
    expect(inStore(server)).toEqual(files)
    expect(filesIn(dir)).toEqual(files.slice(-1))
    expect((await audit(disk, dir)).epochs).toMatchObject([{ expected: 18, recorded: 18, ...WHOLE }])
    if (ended) expect(failing).toBeGreaterThan(6)
  }
})

test('of rows that came late, into a file that was moved later, the recorder knows by its list', async () => {
  await using server = s3Server()
  const dir = data()
  const { recorder } = await record(dir, { frameLength: 60 })
  const epoch = new TestEpoch('temperatures', 'e1', declared)
  for (let number = 0; number < 3; number++) addHour(epoch, number)
  epoch.feed(recorder)
  await recorder.flush()
  // The head of the newest file was written earlier.
  const late = addHour(new TestEpoch('temperatures', 'e2', declared), 0)
  late.feed(recorder)
  await recorder[Symbol.asyncDispose]()
  expect(await pushed(server, dir, { keep: 0 })).toMatchObject({ pushed: 3, removed: 2 })
  const again = await record(dir)
  const held = { first: 1, last: 6, acked: 0 }
  expect(again.recorder.position(late.from, { epoch: 'e2', ...held })).toBe(6)
  await again.recorder[Symbol.asyncDispose]()
})

test('the recorder goes on behind files that were moved, says nothing of them, and fetches nothing again', async () => {
  await using server = s3Server()
  const { dir, epoch } = await recordedHours()
  await pushed(server, dir, { keep: 0 })
  expect(filesIn(dir)).toHaveLength(1)
  const { recorder, said } = await record(dir, { frameLength: 60, refill: true })
  expect(recorder.position(epoch.from, { epoch: 'e1', first: 1, last: 18, acked: 18 })).toBe(18)
  addHour(epoch, 3).feed(recorder)
  await recorder[Symbol.asyncDispose]()
  expect(said.filter((text) => /moved|requested again/.test(text))).toEqual([])
  const found = await audit(disk, dir)
  expect(found.epochs).toMatchObject([{ expected: 24, recorded: 24, samples: 24, ...WHOLE }])
  expect(found).toMatchObject({ files: 4, moved: [], elsewhere: [{ store: URL_OF, noted: 2, read: 0 }] })
  // Without the manifest they are simply gone, as before.
  rmSync(join(dir, '.ocs', 'moved.jsonl'))
  const gone = await record(dir, { frameLength: 60 })
  expect(gone.said.filter((text) => text.includes('moved or lost'))).toHaveLength(1)
  await gone.recorder[Symbol.asyncDispose]()
})
