import { z } from 'zod'
import { defineAgent } from '../core/agent.ts'
import { poll } from '../core/poll.ts'
import { readMachine } from './hwmon.ts'
import { NodeName, nameClaims } from './node-instance.ts'
import { answering, getData, getFields } from './queries.ts'
import { Sampled } from './sampled.ts'

/** Seconds between readings, and how many are kept: the same as in sisock's sensors server. */
const INTERVAL = 2.5
const DEPTH = 1800

const node = defineAgent({
  class: 'SensorsDataNode',
  aliases: ['SensorsServer'],
  help: 'Serves the temperatures, load and memory of the machine it runs on to the bridge.',
  args: z.object({
    name: NodeName.default('sensors').describe('first part of its metric names'),
    description: z
      .string()
      .default('CPU temperatures, load and memory of this machine.')
      .describe('description of the measurement'),
  }),
  feeds: {},
  claims: nameClaims,
  serves: ({ name, description }) => ({ name, description }),
  connect: async ({ name, description }, lab) => {
    lab.announceNode({ name, description })
    return new Sampled('sensors', INTERVAL * DEPTH, INTERVAL)
  },
}).process(
  'serve',
  { help: 'Reads the machine’s sensors every 2.5 s.', startup: true },
  ({ instrument: sampled, session, signal }) =>
    poll(1 / INTERVAL, { session, signal }, async () => sampled.add(Date.now() / 1000, await readMachine())),
)

export default answering(node, getFields, getData)
