import { z } from 'zod'
import { Label, UnixTime } from './names.ts'
import type { Refusal } from './ops.ts'

/** OCS's access levels, by name; an operation's `min_privs` is the lowest that its caller may have. */
const levels = ['blocked', 'basic', 'advanced', 'full', 'superuser'] as const
export type Level = 0 | 1 | 2 | 3 | 4

/** An exclusive grant, as everyone may read it. It does not survive a restart of the agent. */
export const Lock = z.object({
  /** The client that holds it. */
  holder: Label,
  /** The holder's name, for people. */
  by: Label,
  /** Unix s at which the lock expires; measured on the agent's monotonic clock. */
  until: UnixTime,
})
export type Lock = z.output<typeof Lock>

/** The client that asks an agent to act. */
export interface Caller {
  readonly client: string
  readonly level: Level
  /** The caller's name according to the hub, if the hub has users. */
  readonly principal?: string | undefined
  /**
   * Name and place of the caller: according to the hub, plus the caller's own words; on a hub without users
   * only the caller's own words.
   */
  readonly by?: string | undefined
  /** The key of a lock that was given to another client of the same person. */
  readonly key?: string | undefined
}

/** A lock with the secrets that prove who holds it. */
export interface HeldLock extends Lock {
  readonly key: string
  readonly principal?: string | undefined
}

/** Whether a caller is the holder of a lock, or has its key. */
export function holds(caller: Caller, lock: HeldLock): boolean {
  const isHolder = caller.client === lock.holder && caller.principal === lock.principal
  return isHolder || caller.key === lock.key
}

/** `locked by maya@grumpy until 2026-03-01T12:00:00Z`. */
export function lockedText({ by, until }: Lock): string {
  return `locked by ${by} until ${new Date(until * 1000).toISOString().replace(/\.\d+Z$/, 'Z')}`
}

/** Why a caller may not start, stop or abort an operation; undefined if it may. */
export function refuseAct(
  op: { readonly name: string; readonly min_privs: 1 | 2 | 3 },
  caller: Caller,
  lock: HeldLock | undefined,
): { readonly kind: Refusal; readonly msg: string } | undefined {
  if (caller.level < op.min_privs) {
    const [needs, has] = [op.min_privs, caller.level].map((level) => `${level} (${levels[level]})`)
    return {
      kind: 'level',
      msg: `Operation "${op.name}" takes access level ${needs}; the caller has ${has}.`,
    }
  }
  if (lock && !holds(caller, lock)) return { kind: 'locked', msg: `Not done: ${lockedText(lock)}.` }
  return undefined
}
