import { z } from 'zod'
import type { Role } from './children.ts'

/** When a role is stopped: agents before recorders before the hub. */
export type Rank = 'agent' | 'recorder' | 'hub'

/** A role of this host, with all that it depends on in the site file. */
export interface PlannedRole extends Role {
  readonly rank: Rank
  /** Changes when the role has to be started anew to take up a changed site file. */
  readonly fingerprint: string
  /** Whether it runs in one process with others of its kind. */
  readonly isShared?: boolean
}

export const RoleState = z.object({
  name: z.string(),
  /** What runs it, as a user would type it. */
  command: z.string(),
  /** `waiting`: it ended and is about to be started again; `down`: it is meant to be. */
  state: z.enum(['running', 'waiting', 'stopping', 'stopped', 'down']),
  pid: z.int().nullable(),
  /** Unix s since when it is in this state. */
  since: z.number(),
  restarts: z.int(),
  /** How it ended last: `exit code 1`, `SIGKILL`. */
  last_exit: z.string().nullable(),
  /** Its log file. */
  log: z.string(),
})
/** One role as who keeps it alive tells of it. */
export type RoleState = z.output<typeof RoleState>

/** Whether it runs, or is meant to. */
export function isUp({ state }: RoleState): boolean {
  return state !== 'down'
}
