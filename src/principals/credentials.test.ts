import { expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { makeAuthority, makeServer } from './certificate.ts'
import {
  accountAt,
  credentialsFiles,
  findCredentials,
  madeCredentials,
  writeCredentials,
} from './credentials.ts'
import { adoptKeys } from './hub-keys.ts'
import { ownLocalTokens } from './local-token.ts'
import { newToken } from './token.ts'

test('a broker of others is shown the user and the password of its file, over TLS or on this machine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'broker-keys-'))
  const [passwordFile, ca] = [join(folder, 'password'), join(folder, 'ca.pem')]
  const { cert } = makeAuthority()
  writeFileSync(passwordFile, 's3cret\nmore\n', { mode: 0o600 })
  writeFileSync(ca, cert)
  const env = { XDG_CONFIG_HOME: folder, OCS_STATE_DIR: folder, XDG_STATE_HOME: folder }
  const at = (url: string, broker: object) => findCredentials({ url, realm: 'r', env, broker })
  const all = { user: 'ocs', passwordFile, ca }
  const shown = { principal: 'ocs', tokens: [], password: 's3cret', ca: cert.trim() }
  const trimmed = (found: ReturnType<typeof at>) => ({ ...found, ca: found?.ca?.trim() })
  expect(trimmed(at('mqtts://broker:8883', all))).toEqual(shown)
  expect(trimmed(at('mqtt://127.0.0.1:1', all))).toEqual(shown)
  expect(trimmed(at('mqtts://broker:8883', { ca }))).toEqual({ tokens: [], ca: cert.trim() })
  expect(() => at('mqtt://broker:1883', all)).toThrow('the password would cross the network unencrypted')
  expect(() => at('mqtts://broker', { ...all, ca: passwordFile })).toThrow('holds no certificate')
  chmodSync(passwordFile, 0o644)
  expect(() => at('mqtts://broker', all)).toThrow(`chmod 600 ${passwordFile}`)
  rmSync(folder, { recursive: true })
})

test('what a log-in on this machine has left is shown to no other account that listens there', () => {
  const home = mkdtempSync(join(tmpdir(), 'pinned-'))
  const env = { XDG_CONFIG_HOME: home, OCS_STATE_DIR: home, XDG_STATE_HOME: home }
  const [file = ''] = credentialsFiles({ realm: 'r', env })
  const server = createServer().listen(0, '127.0.0.1')
  const { port } = server.address() as { port: number }
  const own = process.getuid?.() ?? 0
  const shown = (account: number | undefined, at = port) => {
    const more = account === undefined ? {} : { account }
    writeCredentials(file, { hub: 'mqtt://127.0.0.1', principal: 'maya', token: newToken('maya'), ...more })
    const url = `mqtt://127.0.0.1:${at}`
    const ways = [env, { ...env, OCS_CREDENTIALS: file }].map((one) =>
      findCredentials({ url, realm: 'r', env: one }),
    )
    return ways.map((found) => found?.principal)
  }
  expect(accountAt(`mqtt://127.0.0.1:${port}`)).toBe(own)
  expect(accountAt(`mqtts://127.0.0.1:${port}`)).toBeUndefined()
  expect(shown(own)).toEqual(['maya', 'maya'])
  // A tunnel of one's own ends at another account's hub.
  expect(shown(own + 1)).toEqual(['maya', 'maya'])
  expect(shown(undefined, 1)).toEqual(['maya', 'maya'])
  // Here nobody listens, who is another than the account that ran the hub.
  expect(shown(own + 1, 1)).toEqual([undefined, undefined])
  server.close()
  rmSync(home, { recursive: true })
})

test('credentials that a hub makes for this machine name its account, others do not', () => {
  const made = (hub: string) =>
    madeCredentials(hub, { principal: 'a', token: newToken('a'), ca: undefined }).account
  const own = process.getuid?.()
  expect(['mqtt://127.0.0.1:1883', 'ws://localhost:8001/ws'].map(made)).toEqual([own, own])
  expect(['mqtts://localhost', 'wss://127.0.0.1', 'mqtt://grumpy'].map(made)).toEqual(
    Array(3).fill(undefined),
  )
})

test('the file of OCS_CREDENTIALS goes before the site file’s, that before the instance’s, and that before the realm’s', () => {
  const home = mkdtempSync(join(tmpdir(), 'search-order-'))
  const own = (name: string, file = join(home, name)) => {
    writeCredentials(file, { hub: 'mqtts://hub', principal: name, token: newToken(name) })
    return file
  }
  const env = { XDG_CONFIG_HOME: join(home, 'config'), OCS_STATE_DIR: home, XDG_STATE_HOME: home, HOME: home }
  const [variable, site] = [own('variable'), own('site')]
  const instance = { realm: 'a/b', instance: 'ls240' }
  const [forOne = '', forAll = ''] = credentialsFiles({ ...instance, env })
  expect(dirname(forAll)).toBe(join(home, 'config', 'ocs', 'credentials'))
  own('all', forAll)
  own('one', forOne)
  const found = (more: object, url = 'mqtts://hub:8883') =>
    findCredentials({ url, env, ...instance, ...more })
  const principal = (more: object) => found(more)?.principal
  expect(principal({ env: { ...env, OCS_CREDENTIALS: variable }, file: site })).toBe('variable')
  expect(principal({ file: site })).toBe('site')
  expect(principal({})).toBe('one')
  expect(principal({ instance: undefined })).toBe('all')
  expect(principal({ instance: 'ls372' })).toBe('all')
  expect(principal({ realm: 'other' })).toBeUndefined()
  // Named, and not there: an error, and not the next.
  rmSync(site)
  expect(() => principal({ file: site })).toThrow(`there is no ${site}`)
  chmodSync(forOne, 0o640)
  expect(() => principal({})).toThrow(`chmod 600 ${forOne}`)
  // Nothing is shown in plain text to another host.
  expect(found({}, 'mqtt://hub:1883')).toBeUndefined()
  rmSync(home, { recursive: true })
})

test('to a hub whose certificate is by a public authority its account shows itself under the names in it alone', () => {
  const state = mkdtempSync(join(tmpdir(), 'public-hub-'))
  const authority = makeAuthority()
  const { cert, key } = makeServer(authority, ['grumpy.lab'])
  adoptKeys(state, { cert: cert.replace(authority.cert, ''), key }, undefined, [authority.cert])
  const tokens = ownLocalTokens([state])
  const env = { XDG_CONFIG_HOME: state, OCS_STATE_DIR: state, XDG_STATE_HOME: state }
  const shown = (url: string) => findCredentials({ url, realm: 'r', env })?.tokens
  expect(shown('mqtts://grumpy.lab:8883')).toEqual(tokens)
  expect(shown('mqtts://dopey.lab:8883')).toBeUndefined()
  expect(shown('mqtt://grumpy.lab:1883')).toBeUndefined()
  rmSync(state, { recursive: true })
})
