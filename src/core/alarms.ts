/** What the alarm agent shows of its alarms: in the session data of `watch`, and in the answer to `alarms`. */
import { z } from 'zod'

/** How bad it is. */
export const Severity = z.enum(['warning', 'alarm'])
export type Severity = z.output<typeof Severity>

/**
 * What an alarm is doing. `clear`: nothing is wrong; `pending`: something is, but not for as long as the rule's delay;
 * `active`: raised; `latched`: raised, over, and kept until somebody acknowledges it.
 */
const AlarmState = z.enum(['clear', 'pending', 'active', 'latched'])

/** One alarm: a rule with what it watches. Times in unix s, UTC. */
export const AlarmView = z.object({
  /** The rule's name; `RULE/TARGET` of a rule whose pattern fits several. */
  name: z.string(),
  rule: z.string(),
  /** What is watched: `ls240.temperatures.Channel_1_T`, `control.acq`, `control`, a folder. */
  target: z.string(),
  severity: Severity,
  state: AlarmState,
  /** What is wrong, or was when it ended; what is watched, when nothing was yet. For people. */
  text: z.string(),
  /** The newest value of what is watched, in `units`; null while there is none. */
  value: z.number().nullable(),
  units: z.string(),
  /** When it was raised; null when it is clear or pending. */
  since: z.number().nullable(),
  /** Of one that is latched: when what was wrong ended. */
  ended: z.number().nullable(),
  /** Times it has been raised. */
  count: z.int().min(0),
  acknowledged: z.object({ by: z.string(), text: z.string(), time: z.number() }).nullable(),
  /** Until when nobody is called; null when it is not silenced. */
  silenced_until: z.number().nullable(),
})
export type AlarmView = z.output<typeof AlarmView>

/** An alarm that is over. Times in unix s. */
export const PastAlarm = AlarmView.pick({ name: true, severity: true, text: true, count: true }).extend({
  raised: z.number(),
  ended: z.number(),
})
export type PastAlarm = z.output<typeof PastAlarm>

/** The session data of `watch`: what a screen shows of the alarms. */
export const AlarmsData = z.object({
  /** Those that are active or latched, the worst first. */
  alarms: z.array(AlarmView),
  /** Those that ended last, the newest first. */
  recent: z.array(PastAlarm),
  /** Rules, and alarms that they make. */
  rules: z.int(),
  watched: z.int(),
  /** By the name of an action: calls that succeeded, that were given up, that wait; why the latest try failed. */
  actions: z.record(
    z.string(),
    z.object({ done: z.int(), failed: z.int(), waiting: z.int(), problem: z.string().nullable() }),
  ),
})
export type AlarmsData = z.output<typeof AlarmsData>

/** The operation whose session has it, and the query that only the agent of that operation answers. */
export const WATCH = { op: 'watch', query: 'alarms' } as const

/** The answer to the query `alarms`: every alarm, clear ones too. */
export const AlarmsAnswer = z.object({ alarms: z.array(AlarmView) })
export type AlarmsAnswer = z.output<typeof AlarmsAnswer>
