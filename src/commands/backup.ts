import { Command } from 'commander'
import { severalFlag } from '../core/arguments/several-flag.ts'
import { counted } from '../core/counted.ts'
import { type BackupFlags, backup } from '../keeping/backup.ts'
import type { Context } from '../terminal/context.ts'
import { examples } from './help.ts'
import { withFlags } from './site-flags.ts'

/** `ocs backup`: the state of this host in one file. */
export function backupCommand(context: Context): Command {
  const command = new Command('backup').description(
    'Save the state of this host (spools, sessions, users, keys, site file) in one file, while it runs.',
  )
  return withFlags(command, '--site', '--site-file', '--state-dir')
    .argument(
      '<file>',
      'where to write it, a .tar.gz; it contains keys and tokens, and only this account can read it',
    )
    .option('--data-dir <folder>', 'also the recordings of a data directory; may be repeated', severalFlag)
    .addHelpText('after', examples('ocs backup host.tar.gz', 'ocs backup host.tar.gz --data-dir=/data/hk'))
    .action(async (file: string, flags: BackupFlags) => {
      const { manifest, leftOut } = await backup(file, flags, context)
      context.out(`wrote ${file}: ${counted(Object.keys(manifest.files).length, 'file')}\n`)
      for (const what of leftOut) context.err(`not in it: ${what}\n`)
      context.err('it contains keys and tokens: keep it as safe as those\n')
    })
}
