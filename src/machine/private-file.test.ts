import { expect, test } from 'bun:test'
import {
  chmodSync,
  chownSync,
  linkSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { folder } from '../../test/temporary.ts'
import { privateText, readPrivate, replacePrivate } from './private-file.ts'
import { knownRecorderKey, ownRecorderKey } from './recorder-key-file.ts'

test('a private text is made once, for this account alone, and nothing is left beside it', () => {
  const path = join(folder(), 'new', 'key')
  expect(privateText(path, () => 'one')).toBe('one')
  expect(privateText(path, () => 'two')).toBe('one')
  expect([statSync(path), statSync(join(path, '..'))].map(({ mode }) => mode & 0o777)).toEqual([0o600, 0o700])
  expect(readdirSync(join(path, '..'))).toEqual(['key'])
})

test('of two that make it at a time the first one’s stays', () => {
  const path = join(folder(), 'key')
  const meanwhile = () => {
    writeFileSync(path, 'theirs')
    return 'ours'
  }
  expect(privateText(path, meanwhile)).toBe('theirs')
})

test('a text that others may read is none, until its owner has it back', () => {
  const path = join(folder(), 'key')
  writeFileSync(path, 'one')
  chmodSync(path, 0o644)
  expect(readPrivate(path)).toBeUndefined()
  expect(privateText(path, () => 'two')).toBe('one')
  expect(readPrivate(path)).toBe('one')
})

test('what others have put beside a file, to read or to write elsewhere, gets nothing of it', () => {
  const dir = folder()
  const [path, theirs, victim] = [join(dir, 'token'), join(dir, 'theirs'), join(dir, 'victim')]
  writeFileSync(theirs, '')
  writeFileSync(victim, 'precious')
  linkSync(theirs, `${path}.new`)
  replacePrivate(path, 'secret')
  symlinkSync(victim, `${path}.${process.pid}`)
  privateText(`${path}2`, () => 'secret')
  symlinkSync(victim, join(dir, 'other.new'))
  replacePrivate(join(dir, 'other'), 'secret')
  expect([readFileSync(theirs, 'utf8'), readFileSync(victim, 'utf8')]).toEqual(['', 'precious'])
  expect(readPrivate(path)).toBe('secret')
  expect(readdirSync(dir).filter((name) => name.length > 20)).toEqual([])
})

test.skipIf(process.getuid?.() !== 0)('a text of another account is not taken for one’s own', () => {
  const path = join(folder(), 'key')
  writeFileSync(path, 'theirs', { mode: 0o644 })
  chownSync(path, 12_345, 12_345)
  expect(() => privateText(path, () => 'ours')).toThrow('another account')
})

test('the key of a recorder is the same for all that have its folder; a damaged one is told, and not written over', () => {
  const state = folder()
  const said: string[] = []
  const key = ownRecorderKey(state, (text) => said.push(text))()
  expect(knownRecorderKey(state)?.id).toBe(key?.id ?? '')
  expect(ownRecorderKey(state, () => {})()?.id).toBe(key?.id ?? '')
  writeFileSync(join(state, 'recorder.key'), 'torn')
  const again = ownRecorderKey(state, (text) => said.push(text))
  expect([again(), again()]).toEqual([undefined, undefined])
  expect(said).toEqual([
    expect.stringContaining(`${join(state, 'recorder.key')} is damaged: restore a copy, or delete it`),
  ])
  expect(() => knownRecorderKey(state)).toThrow('is damaged')
  expect(readFileSync(join(state, 'recorder.key'), 'utf8')).toBe('torn')
})
