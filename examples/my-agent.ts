/**
 * An agent of one's own: the time that a name server's answer, a page, or here a connection to a host takes.
 * In the site file give its instance any `agent-class`, its `arguments` the flags below, and run it with
 *
 *     ocs agent --instance-id=latency --module examples/my-agent.ts
 */
import { connect } from 'node:net'
import { defineAgent, OpError, TransportError, z } from 'ocs'
import { poll } from 'ocs/instrument/poll'

interface Target {
  readonly host: string
  readonly port: number
}

export default defineAgent({
  class: 'LatencyAgent',
  help: 'Measures how long a TCP connection takes.',
  args: z.object({
    host: z.string().default('127.0.0.1').describe('where to connect'),
    port: z.int().min(1).max(65_535).describe('TCP port'),
    rate: z.number().positive().max(10).default(1).describe('measurements in a second, Hz'),
  }),
  feeds: {
    latency: {
      help: 'Time of a connection.',
      record: true,
      blocks: { latency: { connect: { units: 's', description: 'until the connection stood' } } },
    },
  },
  // What is returned is `instrument` below. One that throws a TransportError here is tried again later.
  connect: async ({ host, port }): Promise<Target> => ({ host, port }),
})
  .process(
    'acq',
    {
      help: 'Measure at a steady rate.',
      startup: true,
      data: z.object({ connect: z.number(), timestamp: z.number() }),
    },
    async ({ args, instrument, feeds, session, signal }) => {
      await poll(args.rate, { session, signal }, async () => {
        const timestamp = Date.now() / 1000
        const seconds = await measure(instrument)
        feeds.latency.publish('latency', timestamp, { connect: seconds })
        session.set({ connect: seconds, timestamp })
      })
    },
  )
  .task(
    'check',
    {
      help: 'Succeed if a connection takes no longer than a limit.',
      params: z.object({ limit: z.number().positive().default(0.1).describe('s') }),
      data: z.object({ connect: z.number() }),
    },
    async ({ params: { limit }, instrument, session }) => {
      const seconds = await measure(instrument)
      session.set({ connect: seconds })
      if (seconds > limit) throw new OpError(`${seconds} s is longer than ${limit} s`)
      return `The connection took ${seconds} s.`
    },
  )

/** Seconds a connection takes. @throws TransportError when there is none: the operation is degraded until there is */
function measure({ host, port }: Target): Promise<number> {
  const begun = performance.now()
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const socket = connect({ host, port, timeout: 5000 }, () => resolve((performance.now() - begun) / 1000))
  const fail = (cause?: Error) =>
    reject(
      new TransportError(`no connection to ${host}:${port}: ${cause?.message ?? 'no answer'}`, { cause }),
    )
  socket.on('error', fail).on('timeout', () => fail())
  return promise.finally(() => socket.destroy())
}
