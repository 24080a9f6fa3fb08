import { afterAll, beforeEach, expect, test } from 'bun:test'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, UsageError } from '../core/errors.ts'
import { makeAuthority, makeServer } from './certificate.ts'
import {
  adoptKeys,
  initKeys,
  keyFiles,
  namesIn,
  namesOf,
  readHubAuthority,
  readHubKeys,
  readKeyPair,
  remarksOn,
  renewKeys,
} from './hub-keys.ts'

const folder = mkdtempSync(join(tmpdir(), 'hub-keys-'))
afterAll(() => rmSync(folder, { recursive: true }))
let state = ''
beforeEach(() => {
  state = mkdtempSync(join(folder, 'state-'))
})
const DAY = 86_400_000
const write = (name: string, text: string) => {
  const file = join(state, name)
  writeFileSync(file, text)
  return file
}
/** What somebody else's certificate and key are, as files. */
function given(pair: { cert: string; key: string }) {
  const key = write('given.key', pair.key)
  chmodSync(key, 0o600)
  return { cert: write('given.pem', pair.cert), key }
}

test('a certificate is for the names that are given, by an authority of its own, and this account’s alone', () => {
  expect(readHubKeys(state)).toBeUndefined()
  initKeys(state, ['grumpy.lab', '10.0.0.7', '2001:db8::7'])
  const pair = readHubKeys(state)
  const server = new X509Certificate(pair?.cert ?? '')
  const authority = new X509Certificate(readHubAuthority(state) ?? '')
  expect(namesIn(pair?.cert ?? '')).toEqual(['grumpy.lab', '10.0.0.7', '2001:db8::7'])
  expect(server.checkIssued(authority) && server.verify(authority.publicKey)).toBe(true)
  expect([authority.ca, server.ca]).toEqual([true, false])
  expect(server.checkPrivateKey(createPrivateKey(pair?.key ?? ''))).toBe(true)
  expect(server.checkHost('grumpy.lab')).toBe('grumpy.lab')
  expect(server.checkIP('10.0.0.7')).toBe('10.0.0.7')
  for (const file of Object.values(keyFiles(state))) expect(statSync(file).mode & 0o777).toBe(0o600)
  chmodSync(keyFiles(state).key, 0o644)
  expect(() => readHubKeys(state)).toThrow('chmod 600')
})

test('names are those that are given and this machine’s; what is no name is refused', () => {
  expect(namesOf(['Grumpy.Lab.', '[::1]'])).toEqual(
    expect.arrayContaining(['grumpy.lab', 'localhost', '127.0.0.1', '::1']),
  )
  expect(() => namesOf(['a b'])).toThrow(UsageError)
})

test('a renewed certificate has the names of the one before, and those that are added', () => {
  expect(() => renewKeys(state, [])).toThrow('ocs hub init')
  initKeys(state, ['grumpy.lab'])
  const before = readHubKeys(state)
  renewKeys(state, ['dopey.lab'])
  const after = readHubKeys(state)
  expect(after?.key).not.toBe(before?.key)
  expect(namesIn(after?.cert ?? '')).toEqual(expect.arrayContaining(['grumpy.lab', 'dopey.lab']))
  expect(
    new X509Certificate(after?.cert ?? '').checkIssued(new X509Certificate(readHubAuthority(state) ?? '')),
  ).toBe(true)
})

test('a certificate of others is taken with its authority, and what will not do is told', () => {
  const [authority, other] = [makeAuthority(), makeAuthority()]
  const pair = makeServer(authority, ['grumpy.lab'])
  expect(adoptKeys(state, readKeyPair(given(pair)), undefined)).toBe(true)
  expect(readHubAuthority(state)).toBe(authority.cert)
  expect(() => renewKeys(state, [])).toThrow('signed by another CA')
  const alone = { ...pair, cert: pair.cert.replace(authority.cert, '') }
  const ca = write('ca.pem', authority.cert)
  expect(adoptKeys(state, readKeyPair(given(alone)), ca)).toBe(true)
  const wrong = write('other.pem', other.cert)
  expect(() => adoptKeys(state, readKeyPair(given(alone)), wrong)).toThrow('did not sign the certificate')
  expect(() => readKeyPair(given({ ...pair, key: other.key }))).toThrow('is not the key of')
  expect(() => readKeyPair(given({ ...pair, cert: 'x' }))).toThrow('holds no certificate')
  expect(() => readKeyPair(given({ ...pair, key: 'x' }))).toThrow('holds no usable key')
  expect(() => readKeyPair({ cert: join(state, 'none'), key: ca })).toThrow(ConfigError)
  const at = (days: number) => given(makeServer(authority, ['a'], new Date(Date.now() + days * DAY)))
  expect(() => readKeyPair(at(-900))).toThrow('expired on')
  expect(() => readKeyPair(at(9))).toThrow('is not valid before')
})

test.each([0o644, 0o640, 0o604])(
  'a key of others’ making that more than its account read (%o) is not taken',
  (mode) => {
    const files = given(makeServer(makeAuthority(), ['grumpy.lab']))
    expect(readKeyPair(files).key).toContain('PRIVATE KEY')
    chmodSync(files.key, mode)
    expect(() => readKeyPair(files)).toThrow(`readable by others: chmod 600 ${files.key}`)
  },
)

test('a certificate whose authority clients would not know is refused; by a public one they need none', () => {
  const authority = makeAuthority()
  const pair = makeServer(authority, ['grumpy.lab'])
  const alone = readKeyPair(given({ ...pair, cert: pair.cert.replace(authority.cert, '') }))
  initKeys(state, ['grumpy.lab'])
  const before = [readHubKeys(state), readHubAuthority(state)]
  expect(() => adoptKeys(state, alone, undefined)).toThrow(/signed by CN=ocs hub .*not a public CA.*--ca/)
  expect([readHubKeys(state), readHubAuthority(state)]).toEqual(before)
  expect(adoptKeys(state, alone, undefined, [authority.cert])).toBe(false)
  expect(readHubAuthority(state)).toBeUndefined()
})

test('after a certificate of others the next is theirs, though the key of the first authority is still there', () => {
  initKeys(state, ['grumpy.lab'])
  const authority = makeAuthority()
  const pair = makeServer(authority, ['grumpy.lab'])
  adoptKeys(state, readKeyPair(given(pair)), undefined)
  expect(() => renewKeys(state, [])).toThrow('signed by another CA')
  expect(readHubKeys(state)).toEqual(pair)
  const alone = makeServer(authority, ['grumpy.lab'])
  const next = { ...alone, cert: alone.cert.replace(authority.cert, '') }
  expect(adoptKeys(state, readKeyPair(given(next)), undefined)).toBe(true)
  expect(readHubAuthority(state)?.trim()).toBe(authority.cert.trim())
  // Who logs in compares the last that is shown with what is printed, which is the authority.
  expect(readHubKeys(state)?.cert.trim().endsWith(authority.cert.trim())).toBe(true)
})

test('the end of a certificate is told thirty days before', () => {
  initKeys(state, ['a'])
  const { cert } = readHubKeys(state) as { cert: string }
  const end = Date.parse(new X509Certificate(cert).validTo)
  expect(remarksOn(state, cert, end - 31 * DAY)).toEqual([])
  expect(remarksOn(state, cert, end - 29.5 * DAY)).toEqual([
    expect.stringMatching(/server.pem expires on .* in 29 days: ocs hub renew$/),
  ])
  expect(remarksOn(state, cert, end + DAY)).toEqual([expect.stringContaining('expired on')])
})

test('what helps against the end of a certificate of somebody else is theirs', () => {
  const pair = makeServer(makeAuthority(), ['grumpy.lab'])
  adoptKeys(state, readKeyPair(given(pair)), undefined)
  const of = (cert: string) => Date.parse(new X509Certificate(cert).validTo)
  expect(remarksOn(state, pair.cert, of(pair.cert) - 29.5 * DAY)).toEqual([
    expect.stringMatching(/in 29 days: ocs hub renew --cert FILE --key FILE with the new one$/),
  ])
  expect(remarksOn(state, pair.cert, of(readHubAuthority(state) ?? '') - DAY)).toEqual([
    expect.stringContaining('server.pem expired on'),
    expect.stringMatching(/ca.pem expires .*: ocs hub renew --cert FILE --key FILE --ca FILE/),
  ])
})
