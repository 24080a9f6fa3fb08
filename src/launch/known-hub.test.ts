import { expect, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { folder } from '../../test/temporary.ts'
import { newToken } from '../principals/token.ts'
import { knownHub } from './known-hub.ts'

/** An account that has logged in to hubs, by realm. */
function account(hubs: Readonly<Record<string, string>>) {
  const config = folder()
  mkdirSync(join(config, 'ocs', 'credentials'), { recursive: true })
  for (const [name, hub] of Object.entries(hubs)) {
    const text = JSON.stringify({ hub, principal: 'maya', token: newToken('maya') })
    writeFileSync(join(config, 'ocs', 'credentials', name), text, { mode: 0o600 })
  }
  return { env: { XDG_CONFIG_HOME: config } }
}
const away = async () => false
const lab = { lab: 'mqtts://hub.example.edu:8883' }
const found = { siteHub: 'mqtts://hub.example.edu:8883', siteRealm: 'lab' }

test('the one hub that was logged in to is found where none runs here, and said', async () => {
  const said: string[] = []
  expect(await knownHub({}, account(lab), (text) => said.push(text), away)).toEqual(found)
  expect(said.join('')).toContain('mqtts://hub.example.edu:8883')
  // Credentials of an instance are not a log-in.
  expect(await knownHub({}, account({ 'lab.ls240': 'mqtts://other:8883', ...lab }), () => {}, away)).toEqual(
    found,
  )
})

test('what is named, and a hub on this machine, come first', async () => {
  const of = (flags: object, isThere = away, env = {}) => {
    const on = account(lab)
    return knownHub(flags, { env: { ...on.env, ...env } }, () => {}, isThere)
  }
  expect(await of({ siteHub: 'mqtt://10.0.0.7' })).toEqual({ siteHub: 'mqtt://10.0.0.7' })
  expect(await of({ siteFile: 'lab.yaml' })).toEqual({ siteFile: 'lab.yaml' })
  expect(await of({}, away, { OCS_CONFIG_DIR: '/etc/ocs' })).toEqual({})
  expect(await of({}, async () => true)).toEqual({})
})

test('of several none is taken, but the one of the realm that is named', async () => {
  const two = account({ ...lab, barn: 'mqtts://barn:8883' })
  await expect(knownHub({}, two, () => {}, away)).rejects.toThrow(
    /several: choose one by --site-hub and --site-realm, of mqtts:\/\/barn:8883 \(barn\), mqtts:\/\/hub/,
  )
  expect(await knownHub({ siteRealm: 'lab' }, two, () => {}, away)).toEqual(found)
  expect(await knownHub({}, account({}), () => {}, away)).toEqual({})
})
