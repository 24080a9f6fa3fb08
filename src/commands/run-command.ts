import { type Command, CommanderError } from 'commander'
import { ConfigError, exitCode, messageOf } from '../core/errors.ts'
import { systemWords } from '../core/system-words.ts'
import type { Context } from '../terminal/context.ts'
import { ownFirst } from './help.ts'

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
    // A bare system error: add what it concerns and what it means.
    const { path } = error as { path?: unknown }
    const system = systemWords(error) && `${typeof path === 'string' ? `${path}: ` : ''}${messageOf(error)}`
    const text = system ?? (known || !(error instanceof Error) ? messageOf(error) : error.stack)
    context.err(`ocs: ${text}\n`)
    return system === undefined ? exitCode(error) : exitCode(new ConfigError(system))
  }
}

/** Makes a command and its subcommands report through the context and throw, never exit. */
function settle(command: Command, context: Context): void {
  command
    // Words after a subcommand belong to it, even if both commands have a flag of that name.
    .enablePositionalOptions()
    .showHelpAfterError('(ocs --help lists the commands, ocs COMMAND --help its flags)')
    .exitOverride()
    .configureHelp(ownFirst)
    .configureOutput({ writeOut: (text) => context.out(text), writeErr: (text) => context.err(text) })
  for (const sub of command.commands) settle(sub, context)
}
