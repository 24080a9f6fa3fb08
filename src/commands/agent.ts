import { Command } from 'commander'
import { type AgentFlags, findRole, runAgentRole } from '../launch/agent-role.ts'
import { managerClasses } from '../launch/agents.ts'
import { attachProgram, standIn, startProgram } from '../launch/programs.ts'
import type { Context } from '../terminal/context.ts'
import { agentHelp } from './agent-help.ts'
import { examples } from './help.ts'
import { roleFlags } from './site-flags.ts'

/** `ocs agent --instance-id=ls240`: runs one instance of the site file. */
export function agentCommand(context: Context): Command {
  const command = new Command('agent').description('Run an agent: one instance of the site file.')
  return roleFlags(command)
    .option('--instance-id <id>', 'which instance of the site file to run')
    .option('--module <file>', 'a module whose default export declares the agent, in place of a bundled one')
    .option('--attached', 'the agent is the parent process, which exchanges lines with this one')
    .addHelpText(
      'after',
      '\nEach agent takes flags of its own: ocs agent --instance-id=… --help-args lists them.',
    )
    .addHelpText(
      'after',
      examples(
        'ocs agent --instance-id=ls240',
        'ocs agent --instance-id=ls240 --site-file=lab.yaml --site-host=grumpy --mode=idle',
        'ocs agent --instance-id=ls240 --help-args',
      ),
    )
    .action((flags: AgentFlags, self: Command) => runInstance(flags, self.args, context))
}

/** Runs an instance by its entry in the site file and what the command line adds; the command line wins. */
export async function runInstance(
  flags: AgentFlags,
  given: readonly string[],
  context: Context,
  classes?: readonly string[],
): Promise<void> {
  const { agent: declared, host, instance, chosen } = await findRole(flags, context, classes)
  const { attached = false } = flags
  const agent = attached ? standIn(declared.spec.class) : declared
  if (given.includes('--help-args')) {
    context.out(agentHelp(agent))
    return
  }
  if (!attached && managerClasses.includes(agent.spec.class)) {
    const { prepareUp, runUp } = await import('../host/up-run.ts')
    // Which is what keeps a host's roles alive, here and under this name on the bus.
    const up = { ...flags, managerFlags: given }
    await runUp(await prepareUp(up, context), up, context)
    return
  }
  const over = new AbortController()
  // Standard output is the program's, where that is at the other end.
  const out = attached ? context.err : context.out
  const role = { ...context, out, signal: AbortSignal.any([context.signal, over.signal]) }
  await runAgentRole({
    agent,
    instance: instance.instance_id,
    siteArguments: instance.arguments,
    given,
    flags,
    context: role,
    logDir: host.log_dir,
    ...(agent.spec.isProgram && {
      start: (state, log) =>
        attached
          ? attachProgram(instance, chosen, state, role, log, () => over.abort())
          : startProgram(instance, chosen, given, state, role, log),
    }),
  })
}
