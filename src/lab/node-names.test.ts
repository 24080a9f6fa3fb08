import { expect, test } from 'bun:test'
import { testHub } from '../broker/hub.test-aid.ts'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import { channels } from '../core/channels.ts'
import { viewLab } from './lab-view.ts'
import { findNodes } from './nodes.ts'

const root = 'observatory'
const who = { session: 's', agent_class: 'X', host: 'h', pid: 1, version: '0' }

/** An agent that announces a data node, and what it likes of its age. */
async function announced(
  url: string,
  instance: string,
  name: string,
  age: { since: number; named?: number },
) {
  const bus = connectMqtt({ url, client: instance })
  await reached(bus, url, 60)
  const { named } = age
  const node = { name, description: '', ...(named !== undefined && { named }) }
  const api = { agent_class: 'X', help: '', ops: {}, queries: {}, feeds: {} }
  const at = { root, instance }
  const announce = () => bus.publish(channels.api, at, { ...api, node })
  await announce()
  const says = (state: 'online' | 'offline') =>
    bus.publish(channels.presence, at, { ...who, state, since: age.since, time: Date.now() / 1000 })
  await says('online')
  return {
    announce,
    letGo: () => bus.publish(channels.api, at, api),
    async leave() {
      await says('offline')
      await bus[Symbol.asyncDispose]()
    },
  }
}

/** Who is asked for the data of a name, and what is logged, by whoever looks at the lab only now. */
async function asked(url: string, name: string) {
  const log: string[] = []
  const bus = connectMqtt({ url, client: `looker-${crypto.randomUUID().slice(0, 8)}` })
  await reached(bus, url, 60)
  await using lab = await viewLab(bus, root)
  await using nodes = await findNodes({ bus, root, lab }, (text) => log.push(text))
  await lab.settled()
  const instance = nodes.find(name)?.instance
  await bus[Symbol.asyncDispose]()
  return { instance, log }
}

test('who is there before the bridge is and took the name of a data node later is not asked, however old it says it is', async () => {
  const { hub } = await testHub()
  const { mqtt } = hub.urls
  const now = Date.now() / 1000
  const owner = await announced(mqtt, 'node-N', 'N', { since: now })
  const impostor = await announced(mqtt, 'impostor', 'N', { since: 1, named: 1 })
  expect(await asked(mqtt, 'N')).toEqual({
    instance: 'node-N',
    log: ['two data nodes are named N: node-N and impostor; impostor, the later one, is ignored'],
  })
  // What is announced again, as with each new field of a feed, makes nobody younger.
  await owner.announce()
  expect((await asked(mqtt, 'N')).instance).toBe('node-N')
  // A node that is moved: the other has the name once the first is gone, and keeps it when that comes back.
  await owner.leave()
  const back = await announced(mqtt, 'node-N', 'N', { since: 1, named: 1 })
  expect((await asked(mqtt, 'N')).instance).toBe('impostor')
  // Who lets go of a name has it no more, and takes it anew.
  await impostor.letGo()
  await impostor.announce()
  expect((await asked(mqtt, 'N')).instance).toBe('node-N')
  await back.leave()
  await impostor.leave()
  await hub.close()
})
