import { Command } from 'commander'
import { systemdUnits, upUnit, writeUnits } from '../host/systemd-units.ts'
import { upWords } from '../host/up-detach.ts'
import { planFor, type UpFlags } from '../host/up-run.ts'
import type { Context } from '../terminal/context.ts'
import { examples } from './help.ts'
import { bridgeAt } from './listen-flags.ts'
import { siteFlags, withFlags } from './site-flags.ts'

interface SystemdFlags extends UpFlags {
  readonly out?: string
  /** One unit for all. */
  readonly up?: boolean
}

/** `ocs systemd`: units that keep this host's roles alive: one that runs `ocs up`, or one for each role. */
export function systemdCommand(context: Context): Command {
  const command = new Command('systemd').description(
    'Print systemd units for this host: one for each role, or one for ocs up.',
  )
  return withFlags(siteFlags(command), '--state-dir', '--log-dir')
    .option('--up', 'one unit that runs ocs up')
    .option('--hub', 'a unit for the hub too (by default where its address is on this machine)')
    .option('--no-hub', 'no unit for the hub')
    .option(
      '--bridge [addr:port]',
      'a unit for the bridge too; where it is to listen (127.0.0.1:5000)',
      bridgeAt,
    )
    .option(
      '-o, --out <folder>',
      'folder for the units; run this as the user the roles will run as, then copy them to /etc/systemd/system',
    )
    .addHelpText('after', examples('ocs systemd --site-file=lab.yaml', 'ocs systemd --out=units --bridge'))
    .action(async (flags: SystemdFlags) => {
      const { plan, from } = await planFor(flags, context)
      for (const note of plan.notes) context.err(`${note}\n`)
      const units = flags.up ? upUnit(plan, upWords({ from }, flags)) : systemdUnits(plan, flags)
      if (flags.out === undefined) {
        for (const [name, text] of units) context.out(`# ${name}\n${text}\n`)
        return
      }
      writeUnits(units, flags.out)
      const names = [...units.keys()].join(' ')
      context.out(`wrote ${names}\nnow: systemctl daemon-reload && systemctl enable --now ${names}\n`)
    })
}
