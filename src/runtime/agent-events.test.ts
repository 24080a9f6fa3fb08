import { expect, test } from 'bun:test'
import { MemoryHub } from '../bus/memory.ts'
import { channels } from '../core/channels.ts'
import { agentEvents } from './agent-events.ts'
import { Counters } from './counters.ts'

test('what happens before there is a hub is told when there is one, with its time; only what cannot wait is counted', async () => {
  const hub = new MemoryHub()
  const told: string[] = []
  await hub.connect('eye').subscribe(channels.event, { root: 'lab' }, ({ time, text }) => {
    told.push(`${Math.sign(Date.now() / 1000 - time) >= 0} ${text}`)
  })
  hub.stop()
  const counters = new Counters()
  const identity = { root: 'lab', instance: 'ls', agentClass: 'A', session: 's', since: 1, version: '0' }
  const { event } = agentEvents(hub.connect('ls'), identity, counters, () => {})
  event('info', 'epoch', 'first')
  event('info', 'epoch', 'second')
  expect(told).toEqual([])
  hub.start()
  await Promise.resolve()
  expect(told).toEqual(['true first', 'true second'])
  expect(counters.all).toEqual({})
  hub.stop()
  for (let i = 0; i < 102; i++) event('info', 'epoch', String(i))
  hub.start()
  await Promise.resolve()
  expect(told.slice(2).map((text) => text.slice(5))).toEqual(
    Array.from({ length: 100 }, (_, i) => String(i + 2)),
  )
  expect(counters.all).toEqual({ unsent: 2 })
})
