import { duration } from '../core/duration.ts'
import type { InstanceView } from './lab-view.ts'

/** What is wrong with the clock of an agent's machine, in a few words; undefined when nothing is known to be. */
export function clockText({ ahead }: Pick<InstanceView, 'ahead'>): string | undefined {
  if (ahead === undefined) return undefined
  return `its clock is ${duration(Math.abs(ahead))} ${ahead > 0 ? 'ahead' : 'behind'}`
}
