import { expect, test } from 'bun:test'
import { MemoryHub } from '../bus/memory.ts'
import { channels, type Presence } from '../core/channels.ts'
import { type Identity, presenceOf } from './identity.ts'
import { watchRivals } from './rivals.ts'

const here = { root: 'observatory', instance: 'ls240' }

/** An instance on a bus with a second process, which began earlier or later. */
async function watched(began: { own: number; other: number }) {
  const hub = new MemoryHub()
  const bus = hub.connect('own')
  const about = { ...here, agentClass: 'X', version: '0' }
  const own: Identity = { ...about, session: 'own', since: began.own }
  const other: Identity = { ...about, session: 'other', since: began.other }
  const told: string[] = []
  await watchRivals(bus, own, {
    elder: ({ session }) => told.push(`elder ${session}`),
    younger: ({ session }) => told.push(`younger ${session}`),
    overwritten: () => told.push('overwritten'),
  })
  const say = (who: Identity, state: Presence['state']) =>
    bus.publish(channels.presence, here, presenceOf(who, state))
  return { told, speak: () => say(own, 'online'), hear: (state: Presence['state']) => say(other, state) }
}

test.each(['online', 'lost'] as const)(
  'an elder that says %s in turn with this process lives: this one leaves',
  async (state) => {
    const { told, speak, hear } = await watched({ own: 2, other: 1 })
    for (let n = 0; n < 4; n++) {
      await speak()
      await hear(state)
    }
    expect(told.filter((one) => one !== 'overwritten')).toEqual(['elder other'])
  },
)

test('a younger one is named once, and what it has overwritten is said again', async () => {
  const { told, speak, hear } = await watched({ own: 1, other: 2 })
  for (let n = 0; n < 4; n++) {
    await speak()
    await hear('online')
  }
  expect(told).toEqual([...Array(3).fill('overwritten'), 'younger other', 'overwritten'])
})

test('the last words of a process that has died are no sign of life, nor is the goodbye of one that leaves', async () => {
  const { told, speak, hear } = await watched({ own: 2, other: 1 })
  // A retained message, then late beats and the will, alternating with messages of this process.
  for (const state of ['online', 'online', 'lost'] as const) await hear(state)
  await speak()
  await hear('online')
  await hear('online')
  await speak()
  await hear('lost')
  for (let n = 0; n < 4; n++) {
    await speak()
    await hear('offline')
  }
  expect(told.filter((one) => one !== 'overwritten')).toEqual([])
})
