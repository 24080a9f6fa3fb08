import { Command } from 'commander'
import { systemdUnits, writeUnits } from '../host/systemd-units.ts'
import { planFor, type UpFlags } from '../host/up-run.ts'
import type { Context } from '../terminal/context.ts'
import { examples } from './help.ts'
import { bridgeAt } from './listen-flags.ts'
import { siteFlags, withFlags } from './site-flags.ts'

interface SystemdFlags extends UpFlags {
  readonly out?: string
}

/** `ocs systemd`: units that keep this host's roles alive without `ocs up`. */
export function systemdCommand(context: Context): Command {
  const command = new Command('systemd').description('Print systemd units for this host, one for each role.')
  return withFlags(siteFlags(command), '--state-dir', '--log-dir')
    .option('--hub', 'a unit for the hub too (by default where its address is on this machine)')
    .option('--no-hub', 'no unit for the hub')
    .option(
      '--bridge [addr:port]',
      'a unit for the bridge too; where it is to listen (127.0.0.1:5000)',
      bridgeAt,
    )
    .option(
      '-o, --out <folder>',
      'write them there; run it as the user the roles are to run as, and copy them to /etc/systemd/system',
    )
    .addHelpText('after', examples('ocs systemd --site-file=lab.yaml', 'ocs systemd --out=units --bridge'))
    .action(async (flags: SystemdFlags) => {
      const { plan } = await planFor(flags, context)
      for (const note of plan.notes) context.err(`${note}\n`)
      const units = systemdUnits(plan, flags)
      if (flags.out === undefined) {
        for (const [name, text] of units) context.out(`# ${name}\n${text}\n`)
        return
      }
      writeUnits(units, flags.out)
      const names = [...units.keys()].join(' ')
      context.out(`wrote ${names}\nnow: systemctl daemon-reload && systemctl enable --now ${names}\n`)
    })
}
