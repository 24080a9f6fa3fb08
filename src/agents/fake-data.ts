import { z } from 'zod'
import { defineAgent } from '../core/agent.ts'
import { systemClock } from '../core/clock.ts'
import { OpError } from '../core/errors.ts'
import { poll } from '../core/poll.ts'

/** Reports in a second: each carries the samples since the one before. */
const REPORT_HZ = 1
/** K: where the temperatures begin, how far they walk between reports, and how far samples scatter. */
const [BASE, WALK, SCATTER] = [0.1, 0.003, 0.002]

const scatter = (width: number): number => width * (2 * Math.random() - 1)

interface Fake {
  readonly channels: readonly string[]
  readonly frame_length: number
  readonly sample_rate: number
}

export default defineAgent({
  class: 'FakeDataAgent',
  help: 'Publishes made-up temperatures, for trials.',
  args: z.object({
    mode: z.enum(['idle', 'acq']).default('idle').describe('what the agent starts by itself'),
    num_channels: z.int().min(1).max(1000).default(2).describe('channels; all are sampled at the same times'),
    sample_rate: z
      .number()
      .positive()
      .max(10_000)
      .default(9.5)
      .describe('samples per second of each channel, Hz'),
    frame_length: z.number().positive().default(60).describe('longest span of a recorded frame, s'),
  }),
  feeds: {
    false_temperatures: {
      help: 'Made-up temperatures.',
      record: true,
      frame_length: ({ frame_length }: Fake) => frame_length,
      rhythm: ({ sample_rate }: Fake) => 1 / sample_rate,
      blocks: ({ channels }: Fake) => ({
        temps: Object.fromEntries(channels.map((name) => [name, { units: 'K' }])),
      }),
    },
  },
  connect: async ({ num_channels, frame_length, sample_rate }): Promise<Fake> => {
    const channels = Array.from({ length: num_channels }, (_, i) => `channel_${String(i).padStart(2, '0')}`)
    return { channels, frame_length, sample_rate }
  },
  idle: (instance) => `waiting for: ocs ctrl start --target=${instance}`,
})
  .process(
    'acq',
    {
      help: 'Make up data and publish it, one report a second.',
      params: z.object({
        test_mode: z.boolean().default(false).describe('stop after one report'),
        degradation_period: z
          .number()
          .positive()
          .nullish()
          .describe('seconds between turning degraded and back')
          .meta({ units: 's' }),
      }),
      data: z.object({ fields: z.record(z.string(), z.number()), timestamp: z.number() }),
      startup: ({ mode }) => mode === 'acq',
    },
    async ({ params, args, instrument: { channels }, feeds, session, signal }) => {
      const done = new AbortController()
      const begun = Date.now() / 1000
      const walk = channels.map(() => BASE)
      let sampled = 0
      await systemClock.sleep(1000 / REPORT_HZ, signal)
      await poll(REPORT_HZ, { session, signal: AbortSignal.any([signal, done.signal]) }, async () => {
        const due = Math.floor((Date.now() / 1000 - begun) * args.sample_rate)
        const times = Array.from(
          { length: due - sampled },
          (_, i) => begun + (sampled + i) / args.sample_rate,
        )
        sampled = due
        if (times.length === 0) return
        const columns = channels.map((name, i) => {
          const level = (walk[i] ?? BASE) + scatter(WALK)
          walk[i] = level
          return [name, times.map(() => level + scatter(SCATTER))] as const
        })
        feeds.false_temperatures.publish('temps', times, Object.fromEntries(columns))
        const fields = Object.fromEntries(
          columns.map(([name, values]) => [name, values.at(-1) ?? Number.NaN]),
        )
        session.set({ fields, timestamp: times.at(-1) ?? begun })
        const period = params.degradation_period
        if (period) session.degraded = Math.floor((Date.now() / 1000 - begun) / period) % 2 === 1
        if (params.test_mode) done.abort()
      })
    },
  )
  .process(
    'count',
    { help: 'Count seconds.', startup: ({ mode }) => mode === 'acq' },
    async ({ session, signal }) => {
      let counter = 0
      await poll(1, { session, signal }, async () =>
        session.set({ counter: counter++, last_update: Date.now() / 1000 }),
      )
    },
  )
  .task(
    'set_heartbeat',
    {
      help: 'Accepted for clients of OCS; the beat is the agent’s presence on the hub and can’t be switched off.',
      params: z.object({ heartbeat: z.boolean().default(true).describe('on or off') }),
    },
    async ({ params: { heartbeat } }) => {
      if (!heartbeat) throw new OpError('the heartbeat can’t be switched off: stop the agent instead')
      return 'The heartbeat is on.'
    },
  )
  .task(
    'delay_task',
    {
      help: 'Wait, then succeed or fail as requested.',
      params: z.object({
        delay: z.number().min(0).default(5).describe('seconds').meta({ units: 's' }),
        succeed: z.boolean().default(true).describe('whether it succeeds'),
      }),
    },
    async ({ params: { delay, succeed }, session, signal }) => {
      const begun = performance.now()
      const passed = () => (performance.now() - begun) / 1000
      while (passed() < delay && !signal.aborted) {
        session.set({ requested_delay: delay, delay_so_far: passed() })
        await systemClock.sleep(Math.min(500, 1000 * (delay - passed())), signal)
      }
      const text = `after ${passed().toFixed(1)} seconds`
      if (signal.aborted) throw new OpError(`Aborted ${text}`)
      if (!succeed) throw new OpError(`Exited ${text}, failed as asked`)
      return `Exited ${text}`
    },
  )
