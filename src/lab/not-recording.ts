import { toldOf } from '../core/ops.ts'
import { RECORD, recordingOf } from '../core/recording/recording.ts'
import { waitingRows } from '../core/recording/waiting-rows.ts'
import type { InstanceView, LabView } from './lab-view.ts'

/**
 * Why nothing is recorded though agents hold samples; undefined while a recorder records, or where there is nothing to record.
 */
export function notRecording(instances: LabView['instances']): string | undefined {
  const all = [...instances]
  if (!all.some(([, { presence }]) => waitingRows(presence?.feeds ?? {}) > 0)) return undefined
  const reasons = all
    .filter(([, { api }]) => api && RECORD in api.ops)
    .map(([name, view]) => whyNot(name, view))
  if (reasons.length === 0) return 'no recorder runs (ocs aggregate)'
  return reasons.includes(undefined) ? undefined : reasons.join('; ')
}

/** Why a recorder does not record; undefined while it does. */
export function whyNot(name: string, { state, sessions }: InstanceView): string | undefined {
  if (state !== 'online') return `${name} is ${state === 'lost' ? 'lost' : 'stopped'}`
  const session = sessions.get(RECORD)
  if (session?.status === 'running' && (!session.degraded || recordingOf(sessions)?.recording))
    return undefined
  const told = toldOf(session)
  if (session?.status === 'running') return `${name}: ${told || 'it is degraded'}`
  // The command first: a narrow screen cuts the end.
  const why = session?.success === false && told !== '' ? `: ${told}` : ''
  return `${name} does not record (ocs ctrl start ${name} ${RECORD})${why}`
}
