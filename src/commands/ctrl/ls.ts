import { Command } from 'commander'
import type { SiteOptions } from '../../launch/choose-site.ts'
import type { WithLab } from '../../launch/join-lab.ts'
import type { Context } from '../../terminal/context.ts'
import { listJson, listTable } from '../../terminal/status-tables.ts'
import { examples } from '../help.ts'
import { labFlags } from '../site-flags.ts'

interface LsFlags extends SiteOptions {
  readonly json?: boolean
}

/** `ocs ctrl ls`: the agents there are. */
export function lsCommand(context: Context, withLab: WithLab): Command {
  return labFlags(new Command('ls'))
    .description('List the agents and their operations.')
    .option('--json', 'print as JSON')
    .addHelpText('after', examples('ocs ctrl ls', 'ocs ctrl ls --json'))
    .action((flags: LsFlags) =>
      withLab(flags, context, async ({ lab, expected }) =>
        context.out(flags.json ? `${JSON.stringify(listJson(lab))}\n` : listTable(lab, expected)),
      ),
    )
}
