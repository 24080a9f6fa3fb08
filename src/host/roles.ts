import { z } from 'zod'
import type { Role } from './children.ts'

/** The order of stopping: agents before recorders before the hub. */
export type Rank = 'agent' | 'recorder' | 'hub'

/** A role of this host, with everything that it depends on in the site file. */
export interface PlannedRole extends Role {
  readonly rank: Rank
  /** Changes when the role must be restarted to apply a changed site file. */
  readonly fingerprint: string
  /** Whether it runs in one process with others of its kind. */
  readonly isShared?: boolean
}

export const RoleState = z.object({
  name: z.string(),
  /** The command that runs it, as a user would type it. */
  command: z.string(),
  /** `waiting`: it ended and is about to be restarted; `down`: it is intended to be down. */
  state: z.enum(['running', 'waiting', 'stopping', 'stopped', 'down']),
  pid: z.int().nullable(),
  /** Unix s since which it is in this state. */
  since: z.number(),
  restarts: z.int(),
  /** How it last ended: `exit code 1`, `SIGKILL`. */
  last_exit: z.string().nullable(),
  /** Its log file. */
  log: z.string(),
})
/** One role as reported by its supervisor. */
export type RoleState = z.output<typeof RoleState>

/** Whether it runs, or is intended to. */
export function isUp({ state }: RoleState): boolean {
  return state !== 'down'
}
