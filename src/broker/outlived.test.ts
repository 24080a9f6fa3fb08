/** Rights that end while their client is connected, and requests that no program would write. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { folder } from '../../test/temporary.ts'
import { byToken } from '../principals/identify.ts'
import { addToken, revoke } from '../principals/principals-file.ts'
import { presence, testHub } from './hub.test-aid.ts'

/** A hub that knows the agent ls240 and the operator maya; maya's client may have a last will. */
async function known(recheckEvery?: number) {
  const file = join(folder(), 'hub', 'principals.yaml')
  const agent = addToken(file, 'ls240', 'agent')
  const maya = addToken(file, 'maya', 'operator:2')
  const state = { hasRunOut: false }
  const identify = byToken({ account: 'me', local: [], file, log: () => {} })
  const { hub, logged } = await testHub({
    identify: (shown) =>
      shown.user === 'maya' && state.hasRunOut ? { refused: 'it has run out', code: 4 } : identify(shown),
    ...(recheckEvery !== undefined && { recheckEvery }),
  })
  const enter = (clientId: string, username: string, password: string, will?: object) =>
    connectAsync(hub.urls.mqtt, {
      clientId,
      username,
      password,
      reconnectPeriod: 0,
      ...(will && { will }),
    } as never)
  const heard: string[] = []
  const ls240 = await enter('ls240', 'ls240', agent, {
    topic: 'observatory/ls240/presence',
    payload: Buffer.from(JSON.stringify(presence('s1'))),
    qos: 1,
    retain: true,
  })
  ls240.on('message', (topic) => heard.push(topic))
  await ls240.subscribeAsync('observatory/ls240/ops/+/+/+', { qos: 1 })
  return {
    ...{ file, state, hub, logged, heard, ls240 },
    maya: (will?: object) => enter('maya.1', 'maya', maya, will),
    looker: () => connectAsync(hub.urls.mqtt, { clientId: 'looker', reconnectPeriod: 0 }),
    async [Symbol.asyncDispose]() {
      ls240.end(true)
      await hub.close()
    },
  }
}
const request = JSON.stringify({ id: 'r1', sent: 1, timeout: 9, params: {} })

test('what a client has left as its last will is not done once it is let in no more', async () => {
  await using at = await known()
  const maya = await at.maya({
    topic: 'observatory/ls240/ops/acq/stop/maya.1',
    payload: Buffer.from(request),
    qos: 1,
  })
  const gone = new Promise<void>((resolve) => maya.once('close', () => resolve()))
  revoke(at.file, 'maya')
  at.hub.recheck()
  await gone
  await at.logged('"maya.1" has a last will that may not be published', 'invalid token')
  const looker = await at.looker()
  const heard = new Promise((resolve) => at.ls240.once('message', resolve))
  await looker.publishAsync('observatory/ls240/ops/acq/status/looker', request, { qos: 1 })
  await heard
  expect(at.heard).toEqual(['observatory/ls240/ops/acq/status/looker'])
  await looker.endAsync()
})

test('an agent that is let in no more is lost all the same', async () => {
  await using at = await known()
  const looker = await at.looker()
  const lost = new Promise<unknown>((resolve) =>
    looker.once('message', (_, text) => resolve(JSON.parse(String(text)))),
  )
  await looker.subscribeAsync('observatory/ls240/presence', { qos: 1 })
  revoke(at.file, 'ls240')
  at.hub.recheck()
  expect(await lost).toMatchObject({ state: 'lost', session: 's1' })
  await looker.endAsync()
})

test('whose token runs out is cut, although no file has changed', async () => {
  await using at = await known(0.05)
  const maya = await at.maya()
  at.state.hasRunOut = true
  await new Promise<void>((resolve) => maya.once('close', () => resolve()))
  expect(await at.logged('"maya.1" cut')).toContain('has run out')
  expect(at.ls240.connected).toBeTrue()
})

test('a request of a million lists within one another is handed on as none, and its client is answered', async () => {
  await using at = await known()
  const deep = '['.repeat(1_000_000) + ']'.repeat(1_000_000)
  const looker = await at.looker()
  const got = new Promise<string>((resolve) => at.ls240.once('message', (_, text) => resolve(String(text))))
  await looker.publishAsync(
    'observatory/ls240/ops/acq/status/looker',
    `{"id":"r1","sent":1,"timeout":9,"params":{"a":${deep}}}`,
    { qos: 1 },
  )
  expect(await got).toBe('null')
  await looker.endAsync()
})
