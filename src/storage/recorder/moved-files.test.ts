/** Somebody moves or removes the files of a recorder at work: each file operation at each moment. */

import { afterEach, expect, test } from 'bun:test'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { audit } from './audit.ts'
import { type Disk, type DiskFile, disk } from './disk.ts'
import { cleanUp, data, declaration, filesIn, folder, record, T0, TestEpoch } from './recorder.test-aid.ts'

afterEach(cleanUp)

const declared = declaration({ temps: { T: 'double' } })
const ROWS = 100

/** An operation on a data directory, and on the file being written in it, if there is one. */
type Operation = (dir: string, file: string | undefined) => void

/** As `mv` to another disk and `rsync --remove-source-files` do. */
const copyAndRemove = (from: string, to: string) => {
  cpSync(from, to, { recursive: true })
  rmSync(from, { recursive: true })
}
const elsewhere = (dir: string) => join(dirname(dir), 'elsewhere')
const onFile = (act: (file: string, dir: string) => void): Operation => {
  return (dir, file) => {
    if (file !== undefined) act(file, dir)
  }
}

const operations: Readonly<Record<string, Operation>> = {
  'the file is removed': onFile((file) => rmSync(file)),
  'the file is moved on its disk': onFile((file, dir) => renameSync(file, elsewhere(dir))),
  'the file is moved to another disk': onFile((file, dir) => copyAndRemove(file, elsewhere(dir))),
  'the file is replaced by a copy of itself': onFile((file) => {
    copyFileSync(file, `${file}.tmp`)
    renameSync(`${file}.tmp`, file)
  }),
  'the file is emptied': onFile((file) => truncateSync(file)),
  'the file is cut short': onFile((file) => truncateSync(file, Math.floor(statSync(file).size * 0.9))),
  'its folder is removed': onFile((file) => rmSync(dirname(file), { recursive: true })),
  'its folder is moved': onFile((file, dir) => renameSync(dirname(file), elsewhere(dir))),
  'the directory is removed': (dir) => rmSync(dir, { recursive: true }),
  'the directory is moved': (dir) => renameSync(dir, elsewhere(dir)),
  'the directory is moved to another disk': (dir) => copyAndRemove(dir, elsewhere(dir)),
  'the directory is replaced by a copy of itself': (dir) => {
    cpSync(dir, elsewhere(dir), { recursive: true })
    rmSync(dir, { recursive: true })
    renameSync(elsewhere(dir), dir)
  },
  'the directory is emptied': (dir) => {
    for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true })
  },
  'all that begins with a dot is removed': (dir) => {
    for (const name of readdirSync(dir))
      if (name.startsWith('.')) rmSync(join(dir, name), { recursive: true })
  },
  'what is the recorder’s own is replaced by a copy': (dir) => {
    for (const name of readdirSync(dir).filter((one) => one.startsWith('.'))) {
      cpSync(join(dir, name), elsewhere(dir), { recursive: true })
      rmSync(join(dir, name), { recursive: true })
      renameSync(elsewhere(dir), join(dir, name))
    }
  },
}

/** When it happens: at the nth call of a kind, on a data file. */
type Call = 'write' | 'datasync' | 'synced'
const moments: Readonly<Record<string, Call | 'at rest' | 'before the first file'>> = {
  'before the first file': 'before the first file',
  'between two frames': 'at rest',
  'while a frame is written': 'write',
  'while a frame is synced': 'datasync',
  'once a frame is synced': 'synced',
}

/** A disk that does something else at one call on a data file, once. */
function striking(): Disk & { at(call: Call, strike: () => void): void; readonly struck: boolean } {
  let waiting: { call: Call; strike: () => void } | undefined
  let struck = false
  const meet = (call: Call) => {
    if (waiting?.call !== call) return
    const { strike } = waiting
    waiting = undefined
    struck = true
    strike()
  }
  const watched = (file: DiskFile): DiskFile => ({
    ...file,
    async write(bytes, at) {
      await file.write(bytes, at)
      meet('write')
    },
    async datasync() {
      meet('datasync')
      await file.datasync()
      meet('synced')
    },
  })
  return {
    ...disk,
    create: async (path) => watched(await disk.create(path)),
    at: (call, strike) => {
      waiting = { call, strike }
    },
    get struck() {
      return struck
    },
  }
}

type Running = Awaited<ReturnType<typeof record>>

/** Ends a recorder that has lost its files; returns its successor. */
async function again(one: Running, dir: string, remembered: Running['remembered']): Promise<Running> {
  await one.recorder.displaced
  await one.recorder[Symbol.asyncDispose]()
  return record(dir, { frameLength: 10, remembered })
}

for (const [moment, call] of Object.entries(moments))
  for (const [name, operation] of Object.entries(operations))
    test(`${name} ${moment}: what was acknowledged since is in the files, once`, async () => {
      const dir = data()
      const watched = striking()
      let one = await record(dir, { frameLength: 10, disk: watched })
      const epoch = new TestEpoch('temperatures', 'e1', declared)
      const grow = (count: number) => {
        for (let i = 0; i < count; i++)
          epoch.add('temps', [T0 + epoch.rows.length], { T: [epoch.rows.length] })
      }
      const strike = () =>
        operation(
          dir,
          filesIn(dir)
            .map((path) => join(dir, path))
            .at(-1),
        )
      if (call !== 'before the first file') {
        grow(ROWS)
        epoch.feed(one.recorder)
        await one.recorder.flush()
        expect(one.acks.at(-1)?.seq).toBe(ROWS)
      }
      if (call === 'at rest' || call === 'before the first file') strike()
      else watched.at(call, strike)
      grow(ROWS)
      epoch.feed(one.recorder)
      const before = one.acks.length
      await Promise.race([one.recorder.flush(), one.recorder.displaced])
      if (call !== 'at rest' && call !== 'before the first file') expect(watched.struck).toBe(true)
      const { remembered } = one
      // Nothing is displaced if there was no file yet, or if a file of the same name is there again.
      const whole = one.acks.at(-1)?.seq === epoch.rows.length
      if (!whole) {
        // An acknowledgement of rows in the earlier file may have been in flight.
        const since = one.acks.slice(before).filter(({ seq }) => call === 'at rest' || seq > ROWS)
        expect(since).toEqual([])
        one = await again(one, dir, remembered)
        epoch.feed(one.recorder)
        await one.recorder.flush()
      }
      const last = one
      await last.until(() => last.acks.at(-1)?.seq === epoch.rows.length)
      await one.recorder[Symbol.asyncDispose]()
      const { epochs } = await audit(disk, dir)
      expect(epochs).toMatchObject([{ recorded: epoch.rows.length, missing: [], doubled: [], gaps: [] }])
      // None of our temporary files is left among the files.
      expect(readdirSync(dir).filter((entry) => !/^(\.ocs|\d{5})$/.test(entry))).toEqual([])
    })

test('another device in place of the directory is never written to, nor where nothing is mounted any more', async () => {
  const dir = join(folder(), 'disk', 'data')
  let device = 1n
  const gone = { bare: false }
  const moving: Disk = {
    ...disk,
    async stat(path) {
      const found = await disk.stat(path)
      return found && { ...found, dev: device }
    },
  }
  const first = await record(dir, { disk: moving })
  const epoch = new TestEpoch('temperatures', 'e1', declared).add('temps', [T0], { T: [1] })
  epoch.feed(first.recorder)
  await first.recorder.flush()
  const { remembered } = first
  // The state after `umount --lazy`: the mounted content is gone, what lies beneath it is visible.
  for (const left of ['an empty folder', 'no folder']) {
    if (existsSync(dir)) renameSync(dir, elsewhere(dir))
    if (left === 'an empty folder') mkdirSync(dir)
    device = 2n
    gone.bare = true
    epoch.add('temps', [T0 + epoch.rows.length], { T: [2] })
    epoch.feed(first.recorder)
    if (left === 'an empty folder') {
      await Promise.race([first.recorder.flush(), first.recorder.displaced])
      expect(first.acks.at(-1)?.seq).toBe(1)
      await first.recorder[Symbol.asyncDispose]()
    }
    const refused = record(dir, { disk: moving, remembered })
    expect(refused).rejects.toThrow(/is on another disk than before: mount its disk again/)
    await refused.catch(() => {})
    expect(existsSync(dir) ? readdirSync(dir) : []).toEqual([])
    rmSync(dir, { recursive: true, force: true })
  }
  // Mounted again, under another device number, it is recognized by its content.
  renameSync(elsewhere(dir), dir)
  device = 3n
  const second = await record(dir, { disk: moving, remembered })
  epoch.feed(second.recorder)
  await second.recorder[Symbol.asyncDispose]()
  expect((await audit(disk, dir)).epochs).toMatchObject([{ recorded: 3, missing: [], doubled: [] }])
})

test('a file system that keeps no inodes is trusted by its names', async () => {
  const dir = data()
  let number = 0n
  const forgetful: Disk = {
    ...disk,
    async stat(path) {
      const found = await disk.stat(path)
      return found && { ...found, ino: number++ }
    },
  }
  const { recorder, acks } = await record(dir, { disk: forgetful, frameLength: 10 })
  const epoch = new TestEpoch('temperatures', 'e1', declared)
  for (let i = 0; i < ROWS; i++) epoch.add('temps', [T0 + i], { T: [i] })
  epoch.feed(recorder)
  await recorder.flush()
  expect(acks.at(-1)?.seq).toBe(ROWS)
  rmSync(join(dir, filesIn(dir)[0] ?? ''))
  epoch.add('temps', [T0 + ROWS], { T: [0] }).feed(recorder)
  await Promise.race([recorder.flush(), recorder.displaced])
  expect(acks.at(-1)?.seq).toBe(ROWS)
  await recorder[Symbol.asyncDispose]()
  writeFileSync(join(dir, 'note'), '')
})
