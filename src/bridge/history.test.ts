import { expect, test } from 'bun:test'
import { z } from 'zod'
import { ownClock } from '../../test/own-clock.ts'
import { defineAgent } from '../core/agent.ts'
import { channels, type Presence } from '../core/channels.ts'
import { viewLab } from '../lab/lab-view.ts'
import { caller } from '../lab/request-client.ts'
import { recordHistory } from './history.ts'
import { testLab, until } from './lab.test-aid.ts'
import { ROOT } from './site.test-aid.ts'

const heater = defineAgent({
  class: 'TestHeater',
  help: 'A heater for tests.',
  args: z.object({}),
  feeds: {},
  connect: async () => ({}),
})
  .task('heat', { help: 'Heats.' }, async () => 'warm')
  .process('watch', { help: 'Watches.', startup: true }, async ({ signal }) => {
    await new Promise<void>((done) => signal.addEventListener('abort', () => done()))
  })

test('sessions that ended before are told by the agents; a run of a lost agent goes no further', async () => {
  using _ = ownClock()
  await using lab = testLab()
  await lab.run(heater, 'heater', {})
  await using asking = await caller(lab.hub.connect('maya'), ROOT)
  for (let i = 0; i < 3; i++) {
    await asking.request('heater', 'heat', 'start')
    await asking.request('heater', 'heat', 'wait')
  }
  const bus = lab.hub.connect('bridge')
  const here = { root: ROOT, instance: 'heater' }
  let latest: Presence | undefined
  await bus.subscribe(channels.presence, here, (said) => {
    latest = said
  })
  await using view = await viewLab(bus, ROOT)
  await using history = await recordHistory({ bus, root: ROOT, lab: view })
  const heats = () => history.runs().filter(({ op, state }) => op === 'heat' && state === 'idle')
  await until(heats, ({ length }) => length === 3)

  const watching = () =>
    history
      .runs()
      .find(({ op }) => op === 'watch')
      ?.steps.map(([, state]) => state)
  if (!latest) throw new Error('the agent has not said that it is there')
  const will: Presence = { ...latest, state: 'lost' }
  await bus.publish(channels.presence, here, { ...will, session: 'of an older process' })
  await asking.request('heater', 'watch', 'status')
  expect(watching()).toEqual(['starting', 'running'])
  await bus.publish(channels.presence, here, will)
  expect(await until(watching, (states) => states?.length === 3)).toEqual(['starting', 'running', null])
  await bus.publish(channels.presence, here, { ...will, state: 'online' })
  expect(await until(watching, (states) => states?.length === 2)).toEqual(['starting', 'running'])
})
