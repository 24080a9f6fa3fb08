import { Command } from 'commander'
import { UsageError } from '../core/errors.ts'
import { upDetached } from '../host/up-detach.ts'
import { prepareUp, runUp, type UpFlags } from '../host/up-run.ts'
import { upInTmux } from '../host/up-tmux.ts'
import type { Context } from '../terminal/context.ts'
import { examples } from './help.ts'
import { bridgeAt } from './listen-flags.ts'
import { siteFlags, withFlags } from './site-flags.ts'

/** `ocs up`: runs all instances of this host in the site file, and restarts them. */
export function upCommand(context: Context): Command {
  const command = new Command('up').description('Run all of this host’s instances and keep them alive.')
  return withFlags(siteFlags(command), '--state-dir', '--log-dir')
    .option('--hub', 'run the hub too (by default where its address is on this machine)')
    .option('--no-hub', 'do not run the hub')
    .option('--bridge [addr:port]', 'run the bridge too; where it is to listen (127.0.0.1:5000)', bridgeAt)
    .option('-d, --detach', 'run in the background; see it with ocs ps and ocs logs, stop it with ocs down')
    .option('--tmux', 'run in a tmux session, a window for each role')
    .addHelpText(
      'after',
      examples(
        'ocs up --site-file=lab.yaml',
        'ocs up --detach --bridge',
        'ocs up --tmux --bridge=127.0.0.1:5001',
      ),
    )
    .action(async (flags: UpFlags) => {
      if (flags.detach && flags.tmux) throw new UsageError('--tmux detaches by itself: leave --detach out')
      const place = await prepareUp(flags, context)
      if (flags.tmux) await upInTmux(place, flags, context)
      else if (flags.detach) await upDetached(place, flags, context)
      else await runUp(place, flags, context)
    })
}
