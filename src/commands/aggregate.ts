import { Command } from 'commander'
import { runAgentRole } from '../launch/agent-role.ts'
import { findAgent, recorderClasses } from '../launch/agents.ts'
import { namesSite, type SiteOptions } from '../launch/choose-site.ts'
import type { Context } from '../terminal/context.ts'
import { runInstance } from './agent.ts'
import { refillCommand } from './aggregate/refill.ts'
import { examples } from './help.ts'
import { roleFlags } from './site-flags.ts'

interface AggregateFlags extends SiteOptions {
  readonly instanceId?: string
}

/** `ocs aggregate`: short for `ocs agent` with the site's recorder; works without a site file too. */
export function aggregateCommand(context: Context): Command {
  const command = new Command('aggregate').description('Record every sample in .g3 files.')
  command.addCommand(refillCommand(context))
  return roleFlags(command)
    .option('--instance-id <id>', 'which instance of the site file to run; the only recorder by default')
    .addHelpText(
      'after',
      '\nFlags of the recorder: --data-dir, --time-per-file, --frame-length, --record-unknown, --initial-state.',
    )
    .addHelpText(
      'after',
      examples(
        'ocs aggregate --data-dir=/data/hk',
        'ocs aggregate --instance-id=aggregator --site-file=lab.yaml --site-host=grumpy',
      ),
    )
    .action(async (flags: AggregateFlags, self: Command) => {
      if (namesSite(flags, context.env)) return runInstance(flags, self.args, context, recorderClasses)
      const [name = ''] = recorderClasses
      const agent = await findAgent(name)
      const instance = flags.instanceId ?? 'aggregator'
      return runAgentRole({ agent, instance, siteArguments: [], given: self.args, flags, context })
    })
}
