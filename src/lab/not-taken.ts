import { recordingOf } from '../core/recording/recording.ts'
import type { LabView } from './lab-view.ts'

/**
 * Why no recorder takes the rows of an instance, and what helps: all that record have refused it. Undefined where one may
 * take them, or none runs.
 */
export function notTaken(instances: LabView['instances'], instance: string): string | undefined {
  const recording = [...instances].flatMap(([name, { state, sessions }]) => {
    const said = state === 'online' ? recordingOf(sessions) : undefined
    return said ? [{ name, refuses: said.unknown.includes(instance) }] : []
  })
  if (recording.length === 0 || !recording.every(({ refuses }) => refuses)) return undefined
  const names = recording.map(({ name }) => name)
  const who = `${names.join(', ')} ${names.length > 1 ? 'do' : 'does'} not record ${instance}`
  return `${who}: it is not in the site file. Add it there (manage: no), or run the recorder with --record-unknown`
}
