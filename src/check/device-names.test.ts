import { expect, test } from 'bun:test'
import { folder } from '../../test/temporary.ts'
import { addToken, principalsPath } from '../principals/principals-file.ts'
import { inspectSite } from '../site/site.ts'
import { checkDeviceNames } from './device-names.ts'
import type { CheckedHost } from './finding.ts'

const { site } = inspectSite(
  'hub: {mqtt_server: "mqtt://127.0.0.1:1", device_topics: {plug_fridge: a, plug_cellar: b, ls240: c}}\nhosts: {}\n',
  'lab.yaml',
)
const found = (stateDir: string) =>
  checkDeviceNames({ site, flags: { stateDir }, context: { env: {} } } as CheckedHost)

test('topics of devices are for names that the hub knows as devices; where it does not run nobody can say', async () => {
  const state = folder()
  expect(await found(state)).toEqual([])
  addToken(principalsPath(state), 'plug_fridge', 'device')
  addToken(principalsPath(state), 'ls240', 'agent')
  expect((await found(state)).map(({ level, text }) => [level, text])).toEqual([
    [
      'problem',
      'this hub knows no device "plug_cellar": it knows plug_fridge; or create its token: ocs hub token plug_cellar --role device',
    ],
    [
      'problem',
      'ls240 is not a device on this hub but agent: give its topics to an account with the role device',
    ],
  ])
  addToken(principalsPath(state), 'plug_cellar', 'device')
  expect((await found(state)).map(({ text }) => text)).toEqual([expect.stringContaining('ls240')])
})
