import { z } from 'zod'
import { defineAgent } from '../core/agent.ts'
import { poll } from '../core/poll.ts'

/** Counts per second, Hz. */
const COUNT_HZ = 1

/** The least an agent needs: copy this file to begin one of your own. */
export default defineAgent({
  class: 'BarebonesAgent',
  help: 'Counts seconds; an example to start an agent of your own from.',
  // Each argument is a flag (--mode=count) and a line of the site file's "arguments".
  args: z.object({
    mode: z.enum(['idle', 'count']).default('idle').describe('what the agent starts by itself'),
  }),
  // Each feed is recorded or only shown; its blocks name what is sampled together, with units.
  feeds: {
    feed_name: {
      help: 'The counter.',
      record: true,
      frame_length: 600,
      blocks: { count: { counter: { type: 'int', description: 'seconds since the start' } } },
    },
  },
  // Where the instrument is opened; this one has none.
  connect: async () => ({}),
  idle: (instance) => `waiting for: ocs ctrl start ${instance} count`,
})
  // A process runs until it is stopped.
  .process(
    'count',
    {
      help: 'Count seconds.',
      data: z.object({ counter: z.int(), timestamp: z.number() }),
      startup: ({ mode }) => mode === 'count',
    },
    async ({ feeds, session, signal }) => {
      let counter = 0
      await poll(COUNT_HZ, { session, signal }, async () => {
        const timestamp = Date.now() / 1000
        counter++
        feeds.feed_name.publish('count', timestamp, { counter })
        session.set({ counter, timestamp })
      })
    },
  )
  // A task ends by itself and returns its closing message.
  .task(
    'print',
    {
      help: 'Write a text to the log.',
      params: z.object({ text: z.string().default('hello world').describe('what is written') }),
    },
    async ({ params: { text }, session }) => {
      session.log(text)
      return 'Printed text to logs.'
    },
  )
