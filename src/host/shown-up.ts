import { portsOf } from './ports.ts'
import { isUp, type RoleState } from './roles.ts'
import { isAlive, type UpState } from './up-state.ts'

/** A role with what it has open to the outside. */
export interface ShownRole extends RoleState {
  readonly ports: readonly string[]
}
/** What an `ocs up` runs, as it is shown. */
export interface ShownUp extends UpState {
  readonly running: boolean
  readonly roles: ShownRole[]
}

/** What an `ocs up` has told of itself, and whether that holds: roles do not outlive the `ocs up` that ran them. */
export function shownUp(state: UpState): ShownUp {
  const running = isAlive(state)
  const roles = state.roles.map((role): ShownRole => {
    const is = running || !isUp(role) ? role : { ...role, state: 'stopped' as const, pid: null }
    return { ...is, ports: is.pid === null ? [] : portsOf(is.pid) }
  })
  return { ...state, running, roles }
}
