import { Command } from 'commander'
import { duration } from '../core/duration.ts'
import { OpError } from '../core/errors.ts'
import { oneLine } from '../core/printable.ts'
import { redact, redactedJson } from '../core/redact.ts'
import { portsOf } from '../host/ports.ts'
import { isUp, type RoleState } from '../host/roles.ts'
import { findUp, isAlive, type UpChoice } from '../host/up-state.ts'
import type { Context } from '../terminal/context.ts'
import { at, table } from '../terminal/table.ts'
import { upChoiceFlags } from './down.ts'

/** `ocs ps`: the roles that `ocs up` runs. Exit code 1 when it does not run. */
export function psCommand(context: Context): Command {
  return upChoiceFlags(new Command('ps').description('Show what ocs up runs.'))
    .option('--json', 'as JSON')
    .action((choice: UpChoice & { readonly json?: boolean }) => {
      const { state } = findUp(choice, context)
      const alive = isAlive(state)
      const now = Date.now() / 1000
      // Roles do not outlive the ocs up that ran them.
      const roles = state.roles.map((role): Shown => {
        const is = alive || !isUp(role) ? role : { ...role, state: 'stopped' as const, pid: null }
        return { ...is, ports: is.pid === null ? [] : portsOf(is.pid) }
      })
      if (choice.json) context.out(`${redactedJson({ ...state, running: alive, roles }, 2)}\n`)
      else {
        const rows = [
          ...roles.map((role) => rowOf(role, now)),
          ...state.left_out.map(({ name, why }) => [name, 'left out', '-', '-', '-', '-', '-', oneLine(why)]),
        ]
        const head = ['ROLE', 'STATE', 'PID', 'FOR', 'RESTARTS', 'LAST EXIT', 'PORTS', 'COMMAND']
        context.out(redact(table([head, ...rows])))
      }
      if (alive) return
      const when = state.ended === null ? `was killed (pid ${state.pid})` : `stopped at ${at(state.ended)}`
      throw new OpError(`ocs up of ${state.host} ${when}: nothing runs`)
    })
}

/** A role with what it has open to the outside. */
interface Shown extends RoleState {
  readonly ports: readonly string[]
}

function rowOf(
  { name, state, pid, since, restarts, last_exit, ports, command }: Shown,
  now: number,
): string[] {
  return [
    name,
    state,
    pid === null ? '-' : String(pid),
    duration(now - since),
    String(restarts),
    last_exit ?? '-',
    ports.join(' ') || '-',
    command,
  ]
}
