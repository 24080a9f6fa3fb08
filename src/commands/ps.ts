import { Command } from 'commander'
import { duration } from '../core/duration.ts'
import { OpError } from '../core/errors.ts'
import { oneLine } from '../core/printable.ts'
import { redact, redactedJson } from '../core/redact.ts'
import { type ShownRole, shownUp } from '../host/shown-up.ts'
import { findUp, type UpChoice } from '../host/up-state.ts'
import type { Context } from '../terminal/context.ts'
import { at, table } from '../terminal/table.ts'
import { upChoiceFlags } from './down.ts'
import { examples } from './help.ts'

/** `ocs ps`: the roles that `ocs up` runs. Exit code 1 when it does not run. */
export function psCommand(context: Context): Command {
  return upChoiceFlags(new Command('ps').description('Show what ocs up runs.'))
    .option('--json', 'as JSON')
    .addHelpText('after', examples('ocs ps', 'ocs ps --json'))
    .action((choice: UpChoice & { readonly json?: boolean }) => {
      const { state } = findUp(choice, context)
      const shown = shownUp(state)
      const now = Date.now() / 1000
      if (choice.json) context.out(`${redactedJson(shown, 2)}\n`)
      else {
        const rows = [
          ...shown.roles.map((role) => rowOf(role, now)),
          ...shown.left_out.map(({ name, why }) => [name, 'left out', '-', '-', '-', '-', '-', oneLine(why)]),
        ]
        const head = ['ROLE', 'STATE', 'PID', 'FOR', 'RESTARTS', 'LAST EXIT', 'PORTS', 'COMMAND']
        context.out(redact(table([head, ...rows])))
      }
      if (shown.running) return
      const when = state.ended === null ? `was killed (pid ${state.pid})` : `stopped at ${at(state.ended)}`
      throw new OpError(`ocs up of ${state.host} ${when}: nothing runs`)
    })
}

function rowOf(
  { name, state, pid, since, restarts, last_exit, ports, command }: ShownRole,
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
