import { expect, test } from 'bun:test'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keepInNetrc, netrcPath } from './netrc.ts'
import { newToken } from './token.ts'

test('a netrc keeps what it has: a token is added, and takes the place of the one before', () => {
  const folder = mkdtempSync(join(tmpdir(), 'netrc-'))
  const file = join(folder, '.netrc')
  const [first, second] = [newToken('maya'), newToken('maya')]
  expect(netrcPath({ HOME: folder })).toBe(file)
  expect(netrcPath({ HOME: folder, NETRC: '/x' })).toBe('/x')
  expect(keepInNetrc(file, 'grumpy.lab', 'maya', first)).toBe(true)
  expect(readFileSync(file, 'utf8')).toBe(`machine grumpy.lab login maya password ${first}\n`)
  expect(statSync(file).mode & 0o777).toBe(0o600)

  const before = '# mine\nmachine ftp.example\n  login ada\n  password $& x'
  const behind = 'default login anonymous password me\n'
  writeFileSync(file, `${before}\nmachine grumpy.lab\n\tlogin maya\n\tpassword ${first}\n${behind}`)
  chmodSync(file, 0o644)
  expect(keepInNetrc(file, 'grumpy.lab', 'maya', second)).toBe(true)
  expect(readFileSync(file, 'utf8')).toBe(
    `${before}\nmachine grumpy.lab login maya password ${second}\n${behind}`,
  )
  expect(statSync(file).mode & 0o777).toBe(0o600)
  // Behind "default" nobody looks, and one name may begin like another.
  expect(keepInNetrc(file, 'grumpy', 'maya', first)).toBe(true)
  expect(readFileSync(file, 'utf8')).toEndWith(`\nmachine grumpy login maya password ${first}\n${behind}`)

  writeFileSync(file, 'machine grumpy.lab login maya password of-my-own\n')
  expect(keepInNetrc(file, 'grumpy.lab', 'maya', second)).toBe(false)
  expect(readFileSync(file, 'utf8')).toBe('machine grumpy.lab login maya password of-my-own\n')
  expect(existsSync(`${file}.new`)).toBe(false)
  rmSync(folder, { recursive: true })
})
