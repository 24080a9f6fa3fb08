import { Command } from 'commander'
import { severalFlag } from '../core/arguments/several-flag.ts'
import { type RestoreFlags, restore } from '../keeping/restore.ts'
import type { Context } from '../terminal/context.ts'
import { examples } from './help.ts'
import { withFlags } from './site-flags.ts'

/** `ocs restore`: puts back what `ocs backup` has kept. */
export function restoreCommand(context: Context): Command {
  const command = new Command('restore').description('Put back what ocs backup has kept, where nothing runs.')
  return withFlags(command, '--state-dir')
    .argument('<file>', 'the backup')
    .option('--site-file <file>', 'where the site file goes; by default where it was')
    .option(
      '--data-dir <folder>',
      'where recordings go, if there are any; by default where they were; once for each data directory',
      severalFlag,
    )
    .addHelpText('after', examples('ocs restore host.tar.gz', 'ocs restore host.tar.gz --state-dir=/srv/ocs'))
    .action(async (file: string, flags: RestoreFlags) => {
      for (const line of await restore(file, flags, context)) context.out(`${line}\n`)
    })
}
