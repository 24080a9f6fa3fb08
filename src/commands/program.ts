import { Command, CommanderError } from 'commander'
import manifest from '../../package.json' with { type: 'json' }
import { exitCode, messageOf } from '../core/errors.ts'
import type { Context } from './context.ts'
import { hubCommand } from './hub.ts'
import { simCommand } from './sim.ts'

/** Every subcommand; a new one is a file and a line here. */
const commands = [hubCommand, simCommand]

export const version = manifest.version

/**
 * Runs one command line.
 * @returns the exit code: 0 done, 1 failed, 2 usage or configuration, 3 unreachable or timed out
 */
export async function run(argv: readonly string[], context: Context): Promise<number> {
  const program = new Command('ocs')
    .description(manifest.description)
    .version(version)
    .showHelpAfterError('(ocs --help lists the commands, ocs COMMAND --help its flags)')
    .exitOverride()
    .configureOutput({ writeOut: (text) => context.out(text), writeErr: (text) => context.err(text) })
  for (const create of commands) {
    const command = create(context)
    command.copyInheritedSettings(program)
    for (const sub of command.commands) sub.copyInheritedSettings(program)
    program.addCommand(command)
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
    return 0
  } catch (error) {
    // commander has printed its own errors; help and --version are not errors.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    const known = error instanceof Error && /^(Usage|Config|Transport|Op)Error$/.test(error.name)
    context.err(
      `ocs: ${known || !(error instanceof Error) ? messageOf(error) : (error.stack ?? error.message)}\n`,
    )
    return exitCode(error)
  }
}
