import { z } from 'zod'
import { defineAgent } from '../../core/agent.ts'
import { AlarmsData, WATCH } from '../../core/alarms.ts'
import { poll } from '../../core/poll.ts'
import { LabLook } from './alarm-lab.ts'
import { Readings } from './alarm-readings.ts'
import { systemTime } from './alarm-store.ts'
import { AlarmWatch } from './alarm-watch.ts'

/** Checks per second, and checks between two of the disks. */
const LOOK_HZ = 1
const DISK_EVERY = 10
/** Checks before the first recording; by then the fields and agents are known. */
const SETTLED = 3

const which = z.string().min(1).max(600)
const by = z.string().min(1).max(200).default('somebody').describe('who does it, for others to read')

export default defineAgent({
  class: 'AlarmAgent',
  readsAlarms: true,
  help: 'Watches the lab by the rules in the site file, and notifies people.',
  args: z.object({}),
  feeds: {
    alarms: {
      help: 'The state of every alarm and the value it watches, on every change and once a minute.',
      record: true,
      frame_length: 60,
      blocks: (watch: AlarmWatch | Record<string, never>) =>
        watch instanceof AlarmWatch ? watch.blocks : {},
    },
  },
  connect: async (_args, lab) => new AlarmWatch(lab),
})
  .process(
    WATCH.op,
    { help: 'Watch, raise alarms and call people.', data: AlarmsData, startup: true },
    async ({ instrument: watch, feeds, lab, session, signal }) => {
      const { rules } = watch.settings
      if (rules.length === 0) session.log('nothing to watch: the site file has no rules under alarms')
      await using agents = await lab.agents()
      const readings = new Readings(lab.instance, rules, watch.book, systemTime.now)
      const look = new LabLook(lab.instance, rules, { site: lab.site, agents }, watch.book, systemTime.now)
      await using _ = await lab.follow(readings, readings.only)
      const calling = watch.calls.run(signal)
      let looks = 0
      let shown = ''
      await poll(LOOK_HZ, { session, signal }, async () => {
        if (looks % DISK_EVERY === 0) void look.askDisks()
        look.look()
        readings.look()
        if (watch.book.endSilences()) watch.calls.nudge()
        if (++looks >= SETTLED) watch.record(feeds.alarms)
        const { data } = watch
        const text = JSON.stringify(data)
        if (text !== shown) session.set(data, true)
        shown = text
        const failing = Object.entries(data.actions).find(([, { problem }]) => problem !== null)
        if (failing) session.degrade(`${failing[0]}: ${failing[1].problem}`)
        else session.degraded = false
      })
      await calling
    },
  )
  .task(
    'acknowledge',
    {
      help: 'Acknowledge an alarm: no more calls for it; a latched alarm that is over is cleared.',
      params: z.object({
        alarm: which.default('all').describe('its name, the name of its rule, or all'),
        by,
        text: z.string().max(300).default('').describe('what is being done about it'),
      }),
    },
    async ({ params: { alarm, text, by: who }, instrument }) => instrument.acknowledge(alarm, who, text),
  )
  .task(
    'silence',
    {
      help: 'Make no calls for a while; alarms are still raised and recorded.',
      params: z.object({
        alarm: which.default('all').describe('its name, the name of its rule, or all'),
        seconds: z
          .number()
          .positive()
          .max(604_800)
          .default(3600)
          .describe('how long, s')
          .meta({ units: 's' }),
        by,
      }),
    },
    async ({ params: { alarm, seconds, by: who }, instrument }) => instrument.silence(alarm, seconds, who),
  )
  .task(
    'unsilence',
    {
      help: 'Call people again.',
      params: z.object({
        alarm: which.default('all').describe('the name that was silenced; all for every one'),
        by,
      }),
    },
    async ({ params: { alarm, by: who }, instrument }) => instrument.unsilence(alarm, who),
  )
  .task(
    'test_action',
    {
      help: 'Run an action once, with a test message.',
      params: z.object({ action: which.describe('its name in the site file') }),
    },
    async ({ params: { action }, instrument, signal }) => instrument.test(action, signal),
  )
  .query(
    'alarms',
    { help: 'Every alarm with its state, clear ones too.', params: z.object({}) },
    ({ instrument }) => ({
      alarms: instrument.book.list(),
    }),
  )
