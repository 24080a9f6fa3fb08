import { Command } from 'commander'
import { serveShared } from '../../launch/shared-runtime.ts'
import type { Context } from '../../terminal/context.ts'
import { agentCommand } from '../agent.ts'
import { runCommand } from '../run-command.ts'

/** `ocs shared-runtime`: what `ocs up` runs several instances in; in no help. */
export function sharedRuntimeCommand(context: Context): Command {
  const runAgent = (argv: readonly string[], own: Context) =>
    runCommand(new Command('ocs').addCommand(agentCommand(own)), argv, own)
  return new Command('shared-runtime')
    .description('Run instances in one process, as ocs up asks by standard input.')
    .action(() => serveShared(runAgent, context))
}
