import { portsOf } from './ports.ts'
import { isUp, type RoleState } from './roles.ts'
import { isAlive, type UpState } from './up-state.ts'

/** A role with its open ports. */
export interface ShownRole extends RoleState {
  readonly ports: readonly string[]
}
/** The state of an `ocs up` for display. */
export interface ShownUp extends UpState {
  readonly running: boolean
  readonly roles: ShownRole[]
}

/**
 * The state that an `ocs up` has written, corrected if it is dead: roles do not outlive the `ocs up` that ran
 * them.
 */
export function shownUp(state: UpState): ShownUp {
  const running = isAlive(state)
  const roles = state.roles.map((role): ShownRole => {
    const is = running || !isUp(role) ? role : { ...role, state: 'stopped' as const, pid: null }
    return { ...is, ports: is.pid === null ? [] : portsOf(is.pid) }
  })
  return { ...state, running, roles }
}
