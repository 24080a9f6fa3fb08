import { expect, test } from 'bun:test'
import { hashOf, NotNow, Passwords } from './passwords.ts'

const PASSWORD = 'four kelvin plate'
const hash = await hashOf(PASSWORD)
const why = (error: unknown) => (error instanceof NotNow ? 'later' : 'other')

test('who asks by many names from one address keeps nobody elsewhere from a log-in', async () => {
  const passwords = new Passwords()
  const done: string[] = []
  const flood = Array.from({ length: 40 }, (_, n) =>
    passwords.check(`n${n}`, '10.0.0.9:1', 'wrong horse', undefined).then(String, why),
  )
  for (const one of flood) void one.then((how) => done.push(how))
  // The first of them has begun to make what names that nobody has are compared with.
  const others = ['10.0.0.7:1', '10.0.0.8:2', '[2001:db8::1]:3'].map((from) =>
    passwords.check('maya', from, PASSWORD, hash),
  )
  expect(await Promise.all(others)).toEqual([true, true, true])
  // They do not stand behind those that waited before them.
  expect(done.filter((how) => how === 'false').length).toBeLessThan(8)
  expect(new Set(await Promise.all(flood))).toEqual(new Set(['false', 'later']))
})

test('each address that is full itself has to come again', async () => {
  const passwords = new Passwords()
  const all = Array.from({ length: 12 }, (_, n) =>
    passwords.check('maya', `10.0.1.${n}`, PASSWORD, hash).then(String, why),
  )
  expect(await passwords.check('maya', '10.0.0.7', PASSWORD, hash).then(String, why)).toBe('later')
  expect(await Promise.all(all)).toEqual(Array.from({ length: 12 }, () => 'true'))
})

test('one who has many addresses of this machine waits as if there were one', async () => {
  const passwords = new Passwords(() => 0)
  const guess = (from: string) => passwords.check('maya', from, 'wrong horse', hash).then(String, why)
  const seen: string[] = []
  for (const from of ['127.0.0.1:1', '127.4.5.6:2', '[::1]:3', '127.99.0.1:4', '10.0.0.7:5'])
    seen.push(await guess(from))
  expect(seen).toEqual(['false', 'false', 'false', 'later', 'false'])
})
