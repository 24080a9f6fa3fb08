import { expect, test } from 'bun:test'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { folder } from '../../test/temporary.ts'
import { ownName } from './own-name.ts'

test('ocs is called as the person who started it can type it', () => {
  const root = folder()
  const program = join(root, 'lab', 'bin', 'ocs')
  for (const path of ['lab/bin', 'path', 'other']) mkdirSync(join(root, path), { recursive: true })
  for (const file of [program, join(root, 'other', 'ocs')]) writeFileSync(file, '', { mode: 0o755 })
  symlinkSync(program, join(root, 'path', 'ocs'))
  const named = (path: string, from: string, npm?: string) =>
    ownName({ program, folder: join(root, from), env: { PATH: join(root, path), npm_command: npm } })
  expect([
    named('path', 'other'),
    named('nothing', 'lab'),
    named('nothing', 'lab/bin'),
    // Another program of that name that the shell finds first, Cscope for instance.
    named('other', 'other'),
    named('path', 'lab', 'start'),
  ]).toEqual(['ocs', 'bin/ocs', './ocs', program, 'npx ocs'])
})
