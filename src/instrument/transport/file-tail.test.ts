import { afterAll, beforeEach, expect, test } from 'bun:test'
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FileLine, openFiles } from './file-tail.ts'
import { openLink } from './open.ts'

const top = mkdtempSync(join(tmpdir(), 'tail-'))
afterAll(() => rmSync(top, { recursive: true }))

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(top, 'x-'))
})
const at = (name: string) => join(folder, name)
const names = (reply: string) =>
  (JSON.parse(reply) as FileLine[]).map(
    ([path, line, why]) => `${path.slice(folder.length + 1)}: ${line ?? `!${why}`}`,
  )

test('what is there at first is passed over, but a line half written is not', async () => {
  writeFileSync(at('a.log'), 'one\ntw')
  const link = await openLink(`file:${folder}/*.log`)
  expect(await link.query('read')).toBe('[]')
  appendFileSync(at('a.log'), 'o\r\nthree\nfo')
  writeFileSync(at('b.log'), 'new\n')
  expect(names(await link.query('read'))).toEqual(['a.log: two', 'a.log: three', 'b.log: new'])
  expect(names(await link.query('last'))).toEqual(['a.log: three', 'b.log: new'])
  appendFileSync(at('a.log'), 'ur\n')
  expect(names(await link.query('read'))).toEqual(['a.log: four'])
  expect(await link.query('read')).toBe('[]')
  await link.close()
})

test('a rotated file is read to its end, then the new one; a copy that grew is gone on with', async () => {
  writeFileSync(at('a.log'), 'one\n')
  const link = await openLink(`file:${folder}/*.log`)
  await link.query('read')
  appendFileSync(at('a.log'), 'two\n')
  renameSync(at('a.log'), at('a.log.1'))
  writeFileSync(at('a.log'), 'three, which is longer than all before\n')
  expect(names(await link.query('read'))).toEqual([
    'a.log: two',
    'a.log: three, which is longer than all before',
  ])
  writeFileSync(at('copy'), 'three, which is longer than all before\nfour\n')
  renameSync(at('copy'), at('a.log'))
  expect(names(await link.query('read'))).toEqual(['a.log: four'])
  writeFileSync(at('a.log'), '5\n')
  expect(names(await link.query('read'))).toEqual(['a.log: 5'])
  await link.close()
})

test('the folder of the day is followed, that of the day before to its end', async () => {
  let now = new Date(2026, 11, 31, 23, 59, 59)
  for (const day of ['26-12-31', '27-01-01', '26-12-30']) mkdirSync(at(day))
  writeFileSync(at('26-12-31/a.log'), 'old\n')
  const files = openFiles(`${folder}/{yy}-{mm}-{dd}/*.log`, { now: () => now })
  expect(await files.request('read', 0)).toBe('[]')
  appendFileSync(at('26-12-31/a.log'), 'last of the year\n')
  now = new Date(2027, 0, 1, 0, 0, 1)
  writeFileSync(at('27-01-01/a.log'), 'first of the year\n')
  writeFileSync(at('26-12-30/a.log'), 'of no interest\n')
  expect(names(await files.request('read', 0))).toEqual([
    '26-12-31/a.log: last of the year',
    '27-01-01/a.log: first of the year',
  ])
  await files.close()
})

test('what cannot be read is told, and hinders no other file', async () => {
  const link = await openLink(`file:${folder}/*.log`)
  expect(link.query('read')).rejects.toThrow('there is no such file: is its folder there, and mounted?')
  writeFileSync(at('a.log'), '')
  mkdirSync(at('b.log'))
  await link.query('read').catch(() => {})
  appendFileSync(at('a.log'), 'one\n')
  expect(names(await link.query('read'))).toEqual([
    'a.log: one',
    expect.stringContaining('b.log: !it is a folder'),
  ])
  await link.close()
})
