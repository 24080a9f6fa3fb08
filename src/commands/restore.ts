import { Command } from 'commander'
import { severalFlag } from '../core/arguments/several-flag.ts'
import { type RestoreFlags, restore } from '../keeping/restore.ts'
import type { Context } from '../terminal/context.ts'
import { examples } from './help.ts'
import { withFlags } from './site-flags.ts'

/** `ocs restore`: restores what `ocs backup` saved. */
export function restoreCommand(context: Context): Command {
  const command = new Command('restore').description(
    'Restore what ocs backup saved, while nothing is running.',
  )
  return withFlags(command, '--state-dir')
    .argument('<file>', 'the backup')
    .option('--site-file <file>', 'where to put the site file; by default where it was')
    .option(
      '--data-dir <folder>',
      'where to put recordings, if there are any; by default where they were; once for each data directory',
      severalFlag,
    )
    .addHelpText('after', examples('ocs restore host.tar.gz', 'ocs restore host.tar.gz --state-dir=/srv/ocs'))
    .action(async (file: string, flags: RestoreFlags) => {
      for (const line of await restore(file, flags, context)) context.out(`${line}\n`)
    })
}
