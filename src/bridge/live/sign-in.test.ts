import { expect, test } from 'bun:test'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { HTTPException } from 'hono/http-exception'
import { signIns } from './sign-in.ts'
import { readUsers, removeUser, setUser } from './users.ts'

function folder() {
  const path = mkdtempSync(join(tmpdir(), 'ocs-users-'))
  return { file: join(path, 'sub', 'users.yaml'), [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}
const refused = (work: Promise<unknown>) =>
  work.then(
    () => 0,
    (error: HTTPException) => error.status,
  )

/** A user whose password costs little to check. */
async function add(file: string, name: string, role: string): Promise<void> {
  const cheap = { algorithm: 'argon2id', memoryCost: 64, timeCost: 1 } as const
  const users = {
    ...readUsers(file),
    [name]: { role, password: await Bun.password.hash('correct horse', cheap) },
  }
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, JSON.stringify(users), { mode: 0o600 })
}

test('a file of users is its owner’s alone, and holds no password', async () => {
  using at = folder()
  expect(readUsers(at.file)).toBeUndefined()
  await setUser(at.file, 'maya', 'operator', 'correct horse')
  await setUser(at.file, 'ada', 'observer', 'battery staple')
  expect(statSync(at.file).mode & 0o777).toBe(0o600)
  expect(readFileSync(at.file, 'utf8')).not.toContain('horse')
  const users = readUsers(at.file)
  expect(Object.entries(users ?? {}).map(([name, { role }]) => [name, role])).toEqual([
    ['maya', 'operator'],
    ['ada', 'observer'],
  ])
  removeUser(at.file, 'ada')
  expect(Object.keys(readUsers(at.file) ?? {})).toEqual(['maya'])
  expect(() => removeUser(at.file, 'ada')).toThrow('has no user ada')
})

test('bad names, passwords and files are refused with what to do', async () => {
  using at = folder()
  expect(setUser(at.file, 'a b', 'operator', 'long enough')).rejects.toThrow('"a b" is no name for a user')
  expect(setUser(at.file, 'maya', 'operator', 'short')).rejects.toThrow('8 to 200 characters; this one has 5')
  await setUser(at.file, 'maya', 'operator', 'correct horse')
  chmodSync(at.file, 0o644)
  expect(() => readUsers(at.file)).toThrow(`chmod 600 ${at.file}`)
  writeFileSync(at.file, 'maya: {role: king, password: x}', { mode: 0o600 })
  chmodSync(at.file, 0o600)
  expect(() => readUsers(at.file)).toThrow('maya.role')
  writeFileSync(at.file, '{{{')
  expect(() => readUsers(at.file)).toThrow(at.file)
})

test('a session is known until it ends, one signs out, or the user changes', async () => {
  using at = folder()
  await add(at.file, 'maya', 'operator')
  let now = 0
  const people = signIns(
    at.file,
    () => {},
    () => now,
  )
  expect(people.any()).toBe(true)
  const enter = () => people.enter('maya', 'correct horse', '::1')
  const token = await enter()
  expect(token).toMatch(/^[\w-]{43}$/)
  expect(people.who(token)).toEqual({ name: 'maya', role: 'operator' })
  expect(people.who(undefined)).toBeUndefined()
  expect(people.who('constructor')).toBeUndefined()
  people.leave(token)
  expect(people.who(token)).toBeUndefined()

  const second = await enter()
  now += 12 * 3_600_000
  expect(people.who(second)).toBeUndefined()

  const third = await enter()
  await add(at.file, 'maya', 'observer')
  expect(people.who(third)).toBeUndefined()
  const fourth = await enter()
  removeUser(at.file, 'maya')
  expect(people.who(fourth)).toBeUndefined()
  expect(people.any()).toBe(false)
})

test('an address that guesses waits longer each time; others do not; a right password ends it', async () => {
  using at = folder()
  await add(at.file, 'maya', 'operator')
  let now = 0
  const log: string[] = []
  const people = signIns(
    at.file,
    (text) => log.push(text),
    () => now,
  )
  const guess = (name = 'maya', address = '10.0.0.9') => refused(people.enter(name, 'wrong horse', address))
  expect([await guess(), await guess('nobody'), await guess('__proto__')]).toEqual([401, 401, 401])
  expect(await guess()).toBe(429)
  expect(await refused(people.enter('maya', 'correct horse', '10.0.0.9'))).toBe(429)
  expect(await refused(people.enter('maya', 'correct horse', '10.0.0.8'))).toBe(0)
  now += 1000
  expect(await guess()).toBe(401)
  now += 1999
  expect(await guess()).toBe(429)
  now += 1
  expect(await refused(people.enter('maya', 'correct horse', '10.0.0.9'))).toBe(0)
  expect([await guess(), await guess()]).toEqual([401, 401])
  expect(
    log.filter((line) => line.startsWith('warning: sign-in refused for "nobody" from 10.0.0.9')),
  ).toHaveLength(1)
  expect(log.join()).not.toContain('horse')
})

test('many who sign in at once are told to wait, and none waits for ever', async () => {
  using at = folder()
  await add(at.file, 'maya', 'operator')
  const people = signIns(at.file, () => {})
  const all = Array.from({ length: 20 }, (_, i) =>
    refused(people.enter('maya', 'correct horse', `10.0.0.${i}`)),
  )
  const codes = await Promise.all(all)
  expect(codes.filter((code) => code === 0)).toHaveLength(12)
  expect(codes.filter((code) => code === 503)).toHaveLength(8)
  expect(await refused(people.enter('maya', 'correct horse', '::1'))).toBe(0)
})

test('a file that others can read lets nobody in until it is put right', async () => {
  using at = folder()
  await add(at.file, 'maya', 'operator')
  const log: string[] = []
  const people = signIns(at.file, (text) => log.push(text))
  chmodSync(at.file, 0o640)
  expect(people.any()).toBe(false)
  expect(await refused(people.enter('maya', 'correct horse', '::1'))).toBe(401)
  expect(log.filter((line) => line.includes('can be read by others'))).toHaveLength(1)
  chmodSync(at.file, 0o600)
  expect(await refused(people.enter('maya', 'correct horse', '::1'))).toBe(0)
})
