import type { History } from '../history.ts'
import type { EventView, Happened } from '../page/shape.ts'

/** Events and regions of one answer, at most, the newest. */
const MAX = 300

/** What has happened since a time, unix s: sessions as regions, their starts and ends and all events as a list. */
export function happened(history: History, since: number, isNode: (instance: string) => boolean): Happened {
  // Sessions of data nodes say nothing of an experiment.
  const runs = history
    .runs()
    .filter(({ instance, end }) => !isNode(instance) && (end === undefined || end >= since))
    .sort((a, b) => a.start - b.start)
  const ofRuns = runs.flatMap(({ instance, op, start, end, state, startedBy, message }): EventView[] => {
    const begun: EventView = {
      time: start,
      level: 'info',
      instance,
      kind: op,
      text: `${op} started by ${startedBy}`,
    }
    if (end === undefined) return [begun]
    const failed = state === 'failed'
    const text = `${op} ${failed ? 'failed' : 'done'}${message === '' ? '' : `: ${message}`}`
    return [begun, { time: end, level: failed ? 'error' : 'info', instance, kind: op, text }]
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
    runs: runs
      .slice(-MAX)
      .map(({ instance, op, start, end, state }) => ({ instance, op, start, end: end ?? null, state })),
    events: events.slice(-MAX),
  }
}
