import { expect, test } from 'bun:test'
import { diskAdvice, diskFault } from './disk-fault.ts'

const failure = (code: string) => Object.assign(new Error('it said so'), { code })

test.each([
  ['ENOSPC', 'full'],
  ['EDQUOT', 'full'],
  ['SQLITE_FULL', 'full'],
  ['EROFS', 'read-only'],
  ['SQLITE_READONLY_DIRECTORY', 'read-only'],
  ['EIO', 'failing'],
  ['SQLITE_IOERR_SHMSIZE', 'failing'],
  ['EACCES', undefined],
  ['SQLITE_BUSY', undefined],
] as const)('%s: the disk is %s, whatever wraps it', (code, fault) => {
  expect(diskFault(failure(code))).toBe(fault)
  expect(diskFault(new Error('outer', { cause: new Error('inner', { cause: failure(code) }) }))).toBe(fault)
})

test('what helps is told of the disk, and else of the folder', () => {
  expect(diskAdvice(failure('ENOSPC'), 'check the folder')).toBe('make room on its disk')
  expect(diskAdvice(failure('EACCES'), 'check the folder')).toBe('check the folder')
  expect(diskAdvice('no error', 'check the folder')).toBe('check the folder')
})
