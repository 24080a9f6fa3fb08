/**
 * Many agents in one process, each with its own hub connection and spool: `many-agents.ts STATE COUNT HERTZ
 * [URL] [NAME]`.
 */

import { join } from 'node:path'
import { z } from 'zod'
import type { Bus } from '../../src/bus/bus.ts'
import { connectMqtt } from '../../src/bus/mqtt.ts'
import { type Agent, defineAgent } from '../../src/core/agent.ts'
import { poll } from '../../src/core/poll.ts'
import { findCredentials } from '../../src/principals/credentials.ts'
import { willOf } from '../../src/runtime/identity.ts'
import { type RunningAgent, runAgent } from '../../src/runtime/run-agent.ts'
import { Spool } from '../../src/runtime/spool/spool.ts'
import { blocks, FEED, nameOf, values } from './many-rows.ts'

const [state = '', count = '', hertz = '', url = 'mqtt://127.0.0.1:1883', name] = process.argv.slice(2)

const agent = defineAgent({
  class: 'ManyAgent',
  help: 'Publishes eight channels.',
  args: z.object({}),
  feeds: {
    // Like a fast instrument: a row contains a tenth of a second.
    [FEED]: {
      help: 'Eight channels.',
      record: true,
      frame_length: 300,
      buffer_time: Number(hertz) > 10 ? 0.1 : 0,
      blocks,
    },
  },
  connect: async () => ({}),
}).process('acq', { help: 'Publish.', startup: true }, async ({ feeds, session, signal }) => {
  let n = 0
  await poll(Number(hertz), { session, signal }, async () => {
    feeds[FEED]?.publish('temps', Date.now() / 1000, values(n++))
  })
}) as unknown as Agent

const credentials = () => findCredentials({ url, realm: 'test_realm', env: process.env })
/** How often agents of this process have been admitted, lost and refused, the last two by reason. */
const counts = new Map<string, number>()
/** Whether a line with the present counts is being written. */
let isSaid = true
const add = (what: string) => {
  counts.set(what, (counts.get(what) ?? 0) + 1)
  if (!isSaid) return
  isSaid = false
  setTimeout(() => {
    isSaid = true
    process.stdout.write(`connections ${JSON.stringify(Object.fromEntries(counts))}\n`)
  }, 1000)
}
function countOf(bus: Bus): void {
  let was = false
  bus.onConnected((is, why) => {
    if (is) add('let in')
    else if (was) add(`lost: ${why ?? 'without a word'}`)
    was = is
  })
  bus.onProblem?.(({ text }) => {
    if (!was) add(`not let in: ${text}`)
  })
}

const running: RunningAgent[] = []
for (let i = 0; i < Number(count); i++) {
  const instance = nameOf(i, name)
  const session = crypto.randomUUID()
  const identity = {
    root: 'observatory',
    instance,
    agentClass: 'ManyAgent',
    session,
    since: Date.now() / 1000,
    version: '0',
  }
  const bus = connectMqtt({ url, credentials, client: instance, will: willOf(identity) })
  countOf(bus)
  const spool = new Spool(join(state, 'observatory', `${instance}.sqlite`))
  running.push(await runAgent({ agent, args: {}, identity, bus, spool, log: () => {} }))
}
process.stdout.write('all run\n')
process.on('SIGTERM', () => {
  void Promise.all(running.map((one) => one.stop())).then(() => process.exit(0))
})
