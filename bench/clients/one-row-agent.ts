/** An agent whose messages have one row: a given number as fast as possible, or at a steady rate. */
import { setImmediate as turn } from 'node:timers/promises'
import { defineAgent, z } from 'ocs'
import { poll } from 'ocs/instrument/poll'

const namesOf = (channels: number) => Array.from({ length: channels }, (_, i) => `channel_${i}`)
const values = (names: readonly string[], n: number) =>
  Object.fromEntries(names.map((name, at) => [name, 4 + Math.sin(n + at)]))
/** Rows between two turns of the event loop, so that some are sent while others are made. */
const BUNCH = 50

export default defineAgent({
  class: 'OneRowAgent',
  help: 'Publishes messages of one row.',
  args: z.object({
    hertz: z.number().min(0).default(0).describe('rows in a second from the start on, Hz'),
    channels: z.int().positive().default(8).describe('values of a row'),
  }),
  feeds: {
    rows: {
      help: 'Channels.',
      record: true,
      frame_length: 1,
      blocks: (names: readonly string[]) => ({
        temps: Object.fromEntries(names.map((name) => [name, { units: 'K' }])),
      }),
    },
  },
  connect: async ({ channels }) => namesOf(channels),
})
  .process(
    'acq',
    { help: 'Publish at the rate.', startup: ({ hertz }) => hertz > 0 },
    async ({ args, instrument, feeds, session, signal }) => {
      let n = 0
      await poll(args.hertz, { session, signal }, async () => {
        feeds.rows.publish('temps', Date.now() / 1000, values(instrument, n++))
      })
    },
  )
  .task(
    'flood',
    { help: 'Publish rows as fast as they go.', params: z.object({ rows: z.int().positive() }) },
    async ({ params, instrument, feeds }) => {
      for (let n = 0; n < params.rows; n++) {
        feeds.rows.publish('temps', Date.now() / 1000, values(instrument, n))
        if (n % BUNCH === BUNCH - 1) await turn()
      }
      return 'published'
    },
  )
