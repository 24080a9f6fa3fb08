import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, UsageError } from '../core/errors.ts'
import { hubAddress } from './hub-address.ts'

const folder = mkdtempSync(join(tmpdir(), 'hub-address-'))
afterAll(() => rmSync(folder, { recursive: true }))
const siteFile = join(folder, 'default.yaml')
writeFileSync(
  siteFile,
  'hub: { mqtt_server: "mqtt://lab:1884", address_root: yale }\nhosts: { localhost: { agent-instances: [] } }\n',
)

test('the hub is the one that is named, else the site file’s, else this machine’s', async () => {
  expect(await hubAddress({}, undefined)).toMatchObject({ url: 'mqtt://127.0.0.1:1883', root: 'observatory' })
  expect(await hubAddress({}, folder)).toMatchObject({ url: 'mqtt://lab:1884', root: 'yale' })
  expect(await hubAddress({ siteFile }, undefined)).toMatchObject({ url: 'mqtt://lab:1884', root: 'yale' })
  const hub = 'ws://elsewhere:8001/ws'
  expect(await hubAddress({ hub, root: 'other' }, folder)).toMatchObject({ url: hub, root: 'other' })
  expect(await hubAddress({ hub }, undefined)).toMatchObject({ url: hub, root: 'observatory' })
})

test('an address that is none and a site file that cannot be used are told', async () => {
  await expect(hubAddress({ hub: 'lab' }, undefined)).rejects.toThrow(UsageError)
  await expect(hubAddress({ hub: 'lab' }, undefined)).rejects.toThrow('hub "lab": not an address')
  const secret = hubAddress({ hub: 'mqtt://ocs:s3cret@lab' }, undefined)
  await expect(secret).rejects.toThrow('hub "mqtt://ocs:***@lab": addresses appear in logs')
  const missing = join(folder, 'none.yaml')
  await expect(hubAddress({ siteFile: missing }, undefined)).rejects.toThrow(ConfigError)
})
