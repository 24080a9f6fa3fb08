import { afterEach, beforeEach, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { byToken, partsOf } from './identify.ts'
import { logIns } from './log-in.ts'
import { Passwords } from './passwords.ts'
import { NOBODY } from './principal.ts'
import { addToken, principalsPath, readPrincipals, revoke, setPassword } from './principals-file.ts'
import { newToken } from './token.ts'

let folder: string
let file: string
let lines: string[]
let identify: ReturnType<typeof byToken>
const local = newToken('me')
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ocs-identify-'))
  file = principalsPath(folder)
  lines = []
  identify = byToken({ account: 'me', local: [local], file, log: (text) => lines.push(text) })
})
afterEach(() => rmSync(folder, { recursive: true }))

const HERE = '127.0.0.1:4000'
const ELSEWHERE = '10.0.0.7:4000'
const as = (password: string, { from = ELSEWHERE, id = 'x', user = 'x' as string | undefined } = {}) =>
  identify({ id, user, tokens: partsOf(password).tokens, from })
const maya = { name: 'maya', role: 'operator', level: 1 }

test('a token says who somebody is, from anywhere and under any user name', () => {
  const token = addToken(file, 'maya', 'operator:1')
  expect(as(token)).toEqual(maya as never)
  expect(as(`${token}.nonce`, { user: 'otto' })).toEqual(maya as never)
  expect(as(local, { from: HERE })).toMatchObject({ name: 'me', role: 'owner' })
})

test('a token that is not the hub’s, was altered, or is another hub’s, is refused with code 4', () => {
  const token = addToken(file, 'maya', 'operator:1')
  const altered = token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A')
  const other = addToken(principalsPath(mkdtempSync(join(folder, 'other-'))), 'maya', 'admin')
  for (const wrong of [altered, other, newToken('nobody-knows'), newToken('constructor'), newToken('me')])
    for (const from of [HERE, ELSEWHERE])
      expect(as(wrong, { from })).toEqual({ refused: expect.stringContaining('invalid token'), code: 4 })
})

test('a token that has run out is refused with its date, and one that has not is not', () => {
  const until = new Date(Date.now() - 1000)
  const token = addToken(file, 'maya', 'operator:1', { until })
  expect(as(token)).toEqual({ refused: `the token of maya expired on ${until.toISOString()}`, code: 4 })
  expect(as(addToken(file, 'maya', undefined, { until: new Date(Date.now() + 60_000) }))).toEqual(
    maya as never,
  )
})

test('an old token goes with the third of an agent, or by hand; all go with its holder', () => {
  const [first, second] = [addToken(file, 'ls240', 'agent'), addToken(file, 'ls240')]
  const known = (token: string) => 'name' in as(token)
  expect([first, second].map(known)).toEqual([true, true])
  const third = addToken(file, 'ls240')
  expect([first, second, third].map(known)).toEqual([false, true, true])
  revoke(file, 'ls240', true)
  expect([second, third].map(known)).toEqual([false, true])
  revoke(file, 'ls240')
  expect(known(third)).toBeFalse()
})

test('a new password ends what the one before has fetched, also while that is checked; tokens made by hand stay', async () => {
  const [old, next] = ['correct horse', 'battery staple']
  await setPassword(file, 'maya', 'operator:1', old)
  const byHand = addToken(file, 'maya')
  const tokens: string[] = []
  for (const via of [undefined, 'bridge'] as const) {
    const made = await logIns(file)('maya', old, HERE, via)
    tokens.push('token' in made ? made.token : '')
  }
  const known = () => [byHand, ...tokens].map((token) => 'name' in as(token))
  expect(known()).toEqual([true, true, true])
  expect(await setPassword(file, 'maya', 'operator:1', next)).toBe(2)
  expect(known()).toEqual([true, false, false])

  class Slow extends Passwords {
    override async check(...shown: Parameters<Passwords['check']>) {
      const right = await super.check(...shown)
      await setPassword(file, 'maya', 'operator:1', old)
      return right
    }
  }
  expect(await logIns(file, new Slow())('maya', next, HERE)).toMatchObject({ code: 4 })
})

test('the token of one instance is not another’s: it says whose it is', () => {
  const token = addToken(file, 'ls240', 'agent')
  addToken(file, 'ls372', 'agent')
  expect(as(token, { id: 'ls372', user: 'ls372' })).toMatchObject({ name: 'ls240', role: 'agent' })
})

test('without a token one looks on from this machine, and is not let in from elsewhere', () => {
  for (const from of [HERE, '[::1]:4000', '[::ffff:127.0.0.1]:4000'])
    expect(as('', { from, user: undefined })).toBe(NOBODY)
  expect(as('', { user: undefined })).toEqual({
    refused: expect.stringContaining('without a token'),
    code: 5,
  })
  expect(as('', { from: '127.0.0.1.evil.example:4000', user: undefined })).toMatchObject({ code: 5 })
  expect(as('a password', { from: HERE, user: 'maya' })).toMatchObject({ code: 4 })
})

test('while the file cannot be read, the previous accounts stay valid, and that is logged once', () => {
  const token = addToken(file, 'maya', 'operator:1')
  expect(as(token)).toEqual(maya as never)
  chmodSync(file, 0o644)
  for (let n = 0; n < 3; n++) expect(as(token)).toEqual(maya as never)
  expect(lines).toEqual([expect.stringContaining('the previous accounts stay valid')])
})

test('a file that a newer ocs wrote lets nobody in, and is changed by nobody; one that says no version is read', async () => {
  addToken(file, 'newer', 'observer')
  const text = readFileSync(file, 'utf8')
  expect(text).toContain('\n# version 1\n')
  writeFileSync(file, text.replace('# version 1\n', '# version 2\n'))
  const words = `${file} has version 2, from a newer ocs; this one knows 1: run the newer one`
  expect(() => readPrincipals(file)).toThrow(words)
  expect(() => addToken(file, 'jan', 'observer')).toThrow(words)
  writeFileSync(file, text.replace('# version 1\n', ''))
  expect(Object.keys(readPrincipals(file))).toContain('newer')
})
