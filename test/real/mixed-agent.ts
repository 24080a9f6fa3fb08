/**
 * `ocs agent --module`: an agent that counts, with a field of each type, missing and special values, and tags
 * of OCS.
 */
import { z } from 'zod'
import { defineAgent } from '../../src/core/agent.ts'
import { poll } from '../../src/core/poll.ts'

export default defineAgent({
  class: 'MixedAgent',
  help: 'Counts, in every type.',
  args: z.object({ hertz: z.number().positive().default(1).describe('rows a second, Hz') }),
  feeds: {
    mixed: {
      help: 'What is counted.',
      record: true,
      blocks: {
        all: {
          n: { type: 'int' },
          ratio: {},
          odd: { type: 'bool' },
          word: { type: 'string' },
          plate: { influxdb_tags: { channel: 1, location: '4K plate', _field: 'temperature' } },
        },
      },
    },
  },
  connect: async () => ({}),
}).process('acq', { help: 'Count.', startup: true }, async ({ args, feeds, session, signal }) => {
  let [n, last] = [0, 0]
  await poll(args.hertz, { session, signal }, async () => {
    n++
    // After a late reading the next one follows soon: no two may have the same ms.
    last = Math.max(last + 1, Date.now())
    const ratio = n % 10 === 0 ? Number.NaN : Math.sin(n)
    const word = n % 7 === 0 ? `"${n}", \\` : `word ${n}`
    feeds.mixed.publish('all', last / 1000, { n, ratio, odd: n % 2 === 1, word, plate: 4 + Math.cos(n) })
  })
})
