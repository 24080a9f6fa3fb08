import { type Command, CommanderError } from 'commander'
import { exitCode, messageOf } from '../core/errors.ts'
import type { Context } from '../terminal/context.ts'

/**
 * Runs one command line on a command; errors are printed, nothing is thrown.
 * @returns the exit code: 0 done, 1 failed, 2 usage or configuration, 3 unreachable or timed out
 */
export async function runCommand(
  command: Command,
  argv: readonly string[],
  context: Context,
): Promise<number> {
  settle(command, context)
  try {
    await command.parseAsync(argv, { from: 'user' })
    return 0
  } catch (error) {
    // commander has printed its own errors; help and --version are not errors.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    const known = error instanceof Error && /^(Usage|Config|Transport|Timeout|Op)Error$/.test(error.name)
    context.err(
      `ocs: ${known || !(error instanceof Error) ? messageOf(error) : (error.stack ?? error.message)}\n`,
    )
    return exitCode(error)
  }
}

/** Makes a command and its subcommands report through the context and throw, never exit. */
function settle(command: Command, context: Context): void {
  command
    .showHelpAfterError('(ocs --help lists the commands, ocs COMMAND --help its flags)')
    .exitOverride()
    .configureOutput({ writeOut: (text) => context.out(text), writeErr: (text) => context.err(text) })
  for (const sub of command.commands) settle(sub, context)
}
