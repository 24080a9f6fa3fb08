import { Command, CommanderError } from 'commander'
import { exitCode, messageOf } from '../core/errors.ts'
import { agentCommand } from './agent.ts'
import { aggregateCommand } from './aggregate.ts'
import { bridgeCommand } from './bridge.ts'
import type { Context } from './context.ts'
import { ctrlCommand } from './ctrl.ts'
import { datanodeCommand } from './datanode.ts'
import { demoCommand } from './demo.ts'
import { hubCommand } from './hub.ts'
import { simCommand } from './sim.ts'
import { description, version } from './version.ts'

/** Every subcommand; a new one is a file and a line here. */
const commands = [
  demoCommand,
  hubCommand,
  agentCommand,
  aggregateCommand,
  datanodeCommand,
  bridgeCommand,
  ctrlCommand,
  simCommand,
]

/**
 * Runs one command line.
 * @returns the exit code: 0 done, 1 failed, 2 usage or configuration, 3 unreachable or timed out
 */
export async function run(argv: readonly string[], context: Context): Promise<number> {
  const program = new Command('ocs').description(description).version(version)
  for (const create of commands) program.addCommand(create(context))
  settle(program, context)
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

/** Makes a command and its subcommands report through the context and throw, never exit. */
function settle(command: Command, context: Context): void {
  command
    .showHelpAfterError('(ocs --help lists the commands, ocs COMMAND --help its flags)')
    .exitOverride()
    .configureOutput({ writeOut: (text) => context.out(text), writeErr: (text) => context.err(text) })
  for (const sub of command.commands) settle(sub, context)
}
