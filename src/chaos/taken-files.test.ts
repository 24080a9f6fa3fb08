import { afterEach, expect, test } from 'bun:test'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { TakenFiles, takenFolders } from './taken-files.ts'

const dirs: string[] = []
const open: number[] = []
afterEach(() => {
  for (const fd of open.splice(0)) closeSync(fd)
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true })
})

/** A data directory with two files, written one after the other; this process stands for the recorder. */
function lab() {
  const dir = mkdtempSync('/tmp/ocs-test-')
  dirs.push(dir)
  const [data, away] = [join(dir, 'hk'), join(dir, 'away')]
  mkdirSync(join(data, '17000'), { recursive: true })
  mkdirSync(away)
  for (const [at, name] of ['1700000000.g3', '1700000100.g3'].entries()) {
    writeFileSync(join(data, '17000', name), name)
    utimesSync(join(data, '17000', name), at, at)
  }
  const write = (name: string) => open.push(openSync(join(data, '17000', name), 'a'))
  const taken = () => takenFolders(away).flatMap((folder) => [...new Bun.Glob('**/*').scanSync(folder)])
  return { data, taken, write, files: new TakenFiles(data, away, () => process.pid) }
}
const left = (data: string) => [...new Bun.Glob('**/*').scanSync(data)]

test('a closed file that is taken is kept, whether it was to be moved or removed', () => {
  for (const what of ['move', 'remove'] as const) {
    const { files, data, taken } = lab()
    expect(files.file(what)).toBe(true)
    expect(taken()).toEqual(['17000/1700000100.g3'])
    expect(left(data)).toEqual(['17000/1700000000.g3'])
  }
})

test('of all files the one that is being written is taken, and no reader finds it again', () => {
  const moved = lab()
  moved.write('1700000000.g3')
  expect(moved.files.file('move')).toBe(true)
  expect(moved.taken()).toEqual(['17000/1700000000.g3.being-written'])
  const removed = lab()
  removed.write('1700000000.g3')
  expect(removed.files.file('remove')).toBe(true)
  expect(removed.taken()).toEqual([])
  expect(left(removed.data)).toEqual(['17000/1700000100.g3'])
})

test.each(['folder', 'directory'] as const)(
  'a %s goes with all that is in it, what is being written apart',
  (what) => {
    const { files, data, taken, write } = lab()
    write('1700000100.g3')
    expect(files[what]()).toBe(true)
    expect(taken().sort()).toEqual(['17000/1700000000.g3', '17000/1700000100.g3.being-written'])
    expect(existsSync(data) ? readdirSync(data) : []).toEqual([])
    expect(files.file('move')).toBe(false)
  },
)

test('a directory that comes back is as it was, and what was begun in its place is taken', () => {
  const { files, data, taken, write } = lab()
  write('1700000100.g3')
  const bringBack = files.borrow()
  expect(existsSync(data)).toBe(false)
  expect(files.borrow()).toBeUndefined()
  mkdirSync(join(data, '17001'), { recursive: true })
  writeFileSync(join(data, '17001', '1700100000.g3'), '')
  bringBack?.()
  expect(left(data).sort()).toEqual(['17000/1700000000.g3', '17000/1700000100.g3'])
  expect(taken()).toEqual(['17001/1700100000.g3'])
})
