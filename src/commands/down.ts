import { Command } from 'commander'
import { counted } from '../core/counted.ts'
import { OpError, UsageError } from '../core/errors.ts'
import { isUp } from '../host/roles.ts'
import { findUp, isAlive, type UpChoice } from '../host/up-state.ts'
import type { Context } from '../terminal/context.ts'
import { examples } from './help.ts'
import { withFlags } from './site-flags.ts'

/** Milliseconds that `ocs up` gets to stop its roles before it is killed, and between two checks. */
const PATIENCE_MS = 5000
const LOOK_MS = 20

/** The flags of commands that ask what an `ocs up` is doing. */
export function upChoiceFlags(command: Command): Command {
  return withFlags(command, '--site', '--site-file', '--site-host', '--state-dir')
}

/** `ocs down`: stops what `ocs up` runs. */
export function downCommand(context: Context): Command {
  return upChoiceFlags(new Command('down').description('Stop what ocs up runs.'))
    .addHelpText('after', examples('ocs down', 'ocs down --site-file=lab.yaml'))
    .allowExcessArguments()
    .action(async (choice: UpChoice, { args: [role] }: Command) => {
      // Who means one role must not have to guess what does that, nor lose the others.
      if (role !== undefined)
        throw new UsageError(
          `ocs down stops everything, not ${role} alone: ocs ctrl stop --target=${role} ends its reading, kill PID (see ocs ps) ` +
            'has ocs up start it anew, manage: no in the site file keeps it down',
        )
      const { state } = findUp(choice, context)
      if (!isAlive(state))
        throw new OpError(`ocs up of ${state.host} does not run (its pid was ${state.pid})`)
      const start = performance.now()
      signal(state.pid, 'SIGTERM')
      while (isAlive(state)) {
        // Roles stop by themselves when their ocs up is gone.
        if (performance.now() - start > PATIENCE_MS) signal(state.pid, 'SIGKILL')
        await Bun.sleep(LOOK_MS)
      }
      context.out(`stopped ${counted(state.roles.filter(isUp).length, 'role')} of ${state.host}\n`)
    })
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ESRCH') return
    throw new OpError(`ocs up (pid ${pid}) cannot be stopped by this user: ask its owner`, { cause })
  }
}
