import { expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readUsers } from '../bridge/live/users.ts'
import { commandLine } from './ctrl/ctrl.test-aid.ts'

function folder() {
  const state = mkdtempSync(join(tmpdir(), 'ocs-passwd-'))
  return {
    state,
    file: join(state, 'users.yaml'),
    [Symbol.dispose]: () => rmSync(state, { recursive: true }),
  }
}
async function passwd(state: string, words: string, typed?: string) {
  const line = commandLine(['bridge', 'passwd', ...words.split(' ')], { state })
  if (typed !== undefined) line.input.end(typed)
  return { code: await line.code, err: line.err() }
}

test('a user is added with a password from a pipe, and taken out', async () => {
  using at = folder()
  expect(await passwd(at.state, 'maya --role operator', 'correct horse\n')).toEqual({
    code: 0,
    err: `maya is an operator (${at.file}); a running bridge knows it at once\n`,
  })
  const { maya } = readUsers(at.file) ?? {}
  expect(maya?.role).toBe('operator')
  expect(await Bun.password.verify('correct horse', maya?.password ?? '')).toBe(true)
  expect(readFileSync(at.file, 'utf8')).not.toContain('horse')
  expect(await passwd(at.state, 'maya --remove')).toMatchObject({ code: 0 })
  expect(readUsers(at.file)).toEqual({})
})

test('what is wrong is said, and changes nothing', async () => {
  using at = folder()
  for (const [words, typed, says] of [
    ['maya', 'correct horse\n', '--role operator or --role observer'],
    ['maya --role king', '', "argument 'king' is invalid"],
    ['maya --role operator', 'short\n', 'a password has 8 to 200 characters'],
    ['maya --role operator', '', 'standard input has no password'],
    ['m/a --role operator', 'correct horse\n', '"m/a" is no name for a user'],
    ['maya --remove', '', 'has no user maya'],
  ] as const) {
    const { code, err } = await passwd(at.state, words, typed)
    expect([code, err]).toEqual([2, expect.stringContaining(says)])
  }
  expect(readUsers(at.file)).toBeUndefined()
})
