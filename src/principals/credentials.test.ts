import { expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeAuthority } from './certificate.ts'
import { findCredentials } from './credentials.ts'

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
  expect(() => at('mqtt://broker:1883', all)).toThrow('a password would pass the network as it is')
  expect(() => at('mqtts://broker', { ...all, ca: passwordFile })).toThrow('holds no certificate')
  chmodSync(passwordFile, 0o644)
  expect(() => at('mqtts://broker', all)).toThrow(`chmod 600 ${passwordFile}`)
  rmSync(folder, { recursive: true })
})
