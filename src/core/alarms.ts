/**
 * What the alarm agent publishes about its alarms: in the session data of `watch`, and in the answer to
 * `alarms`.
 */
import { z } from 'zod'

/** The severity of an alarm. */
export const Severity = z.enum(['warning', 'alarm'])
export type Severity = z.output<typeof Severity>

/**
 * The state of an alarm. `clear`: nothing is wrong; `pending`: something is wrong, but for less than the
 * rule's delay; `active`: raised; `latched`: raised, over, and kept until somebody acknowledges it.
 */
const AlarmState = z.enum(['clear', 'pending', 'active', 'latched'])

/** One alarm: a rule and its target. Times in unix s, UTC. */
export const AlarmView = z.object({
  /** The rule's name, or `RULE/TARGET` if the rule's pattern matches several targets. */
  name: z.string(),
  rule: z.string(),
  /** What is watched: `ls240.temperatures.Channel_1_T`, `control.acq`, `control`, a folder. */
  target: z.string(),
  severity: Severity,
  state: AlarmState,
  /**
   * What is wrong, or was wrong when the alarm ended; what is watched if nothing has been wrong yet. For
   * people.
   */
  text: z.string(),
  /** The newest value of the target, in `units`; null while there is none. */
  value: z.number().nullable(),
  units: z.string(),
  /** When it was raised; null while clear or pending. */
  since: z.number().nullable(),
  /** When the condition of a latched alarm ended. */
  ended: z.number().nullable(),
  /** How often it has been raised. */
  count: z.int().min(0),
  acknowledged: z.object({ by: z.string(), text: z.string(), time: z.number() }).nullable(),
  /** Nobody is called before this time; null if the alarm is not silenced. */
  silenced_until: z.number().nullable(),
})
export type AlarmView = z.output<typeof AlarmView>

/** An alarm that is over. Times in unix s. */
export const PastAlarm = AlarmView.pick({ name: true, severity: true, text: true, count: true }).extend({
  raised: z.number(),
  ended: z.number(),
})
export type PastAlarm = z.output<typeof PastAlarm>

/** The session data of `watch`: the alarms for display. */
export const AlarmsData = z.object({
  /** Active and latched alarms, the worst first. */
  alarms: z.array(AlarmView),
  /** The alarms that ended last, newest first. */
  recent: z.array(PastAlarm),
  /** Number of rules; number of alarms that they make. */
  rules: z.int(),
  watched: z.int(),
  /**
   * By name of an action: calls that succeeded, that were given up, that are waiting, and why the latest
   * attempt failed.
   */
  actions: z.record(
    z.string(),
    z.object({ done: z.int(), failed: z.int(), waiting: z.int(), problem: z.string().nullable() }),
  ),
})
export type AlarmsData = z.output<typeof AlarmsData>

/**
 * The operation whose session carries the alarms, and the query that only the agent of that operation
 * answers.
 */
export const WATCH = { op: 'watch', query: 'alarms' } as const

/** The answer to the query `alarms`: every alarm, clear ones too. */
export const AlarmsAnswer = z.object({ alarms: z.array(AlarmView) })
export type AlarmsAnswer = z.output<typeof AlarmsAnswer>
