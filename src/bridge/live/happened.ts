import { type History, troublesOf } from '../history.ts'
import type { EventView, Happened, RunView } from '../page/shape.ts'

/** Maximum events and regions of one answer, the newest. */
const MAX = 300

/**
 * What has happened since a time, unix s: sessions as regions; their starts, their ends and all events as a
 * list.
 */
export function happened(history: History, since: number, isNode: (instance: string) => boolean): Happened {
  // Sessions of data nodes are irrelevant to an experiment.
  const runs = history
    .runs()
    .filter(({ instance, end }) => !isNode(instance) && (end === undefined || end >= since))
    .sort((a, b) => a.start - b.start)
  const ofRuns = runs.flatMap((run): EventView[] => {
    const { instance, op, start, end, state, startedBy, message } = run
    const begun: EventView = {
      time: start,
      level: 'info',
      instance,
      kind: op,
      text: `${op} started by ${startedBy}`,
    }
    const troubles = troublesOf(run).flatMap(({ state, start, why }): EventView[] =>
      state === 'degraded'
        ? [{ time: start, level: 'warning', instance, kind: op, text: `${op} degraded${why && `: ${why}`}` }]
        : [],
    )
    if (end === undefined) return [begun, ...troubles]
    const failed = state === 'failed'
    const text = `${op} ${failed ? 'failed' : 'done'}${message === '' ? '' : `: ${message}`}`
    return [begun, ...troubles, { time: end, level: failed ? 'error' : 'info', instance, kind: op, text }]
  })
  const events = [
    ...ofRuns,
    ...history
      .events()
      .map(({ time, level, instance, kind, text }) => ({ time, level, instance, kind, text })),
  ]
    .filter(({ time }) => time >= since)
    .sort((a, b) => a.time - b.time)
  return {
    runs: runs.slice(-MAX).flatMap((run): RunView[] => {
      const { instance, op, start, end } = run
      const whole = { state: end === undefined ? 'running' : 'idle', start, end } as const
      return [whole, ...troublesOf(run)].map((part) => {
        return { instance, op, state: part.state, start: part.start, end: part.end ?? null }
      })
    }),
    events: events.slice(-MAX),
  }
}
