import { mkdirSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { commonFlags } from '../core/arguments/common-flags.ts'
import { PROGRAM } from '../host/children.ts'
import type { PlannedRole } from '../host/roles.ts'
import type { Context } from './context.ts'
import { siteFlags } from './site.ts'
import { isLocal, type Plan } from './up-plan.ts'
import { planFor, type UpFlags } from './up-run.ts'

interface SystemdFlags extends UpFlags {
  readonly out?: string
}

/** `ocs systemd`: units that keep this host's roles alive without `ocs up`. */
export function systemdCommand(context: Context): Command {
  const command = new Command('systemd').description('Print systemd units for this host, one for each role.')
  return siteFlags(command)
    .option('--state-dir <folder>', String(commonFlags['--state-dir']?.help))
    .option('--log-dir <folder>', String(commonFlags['--log-dir']?.help))
    .option('--hub', 'a unit for the hub too (by default where its address is on this machine)')
    .option('--no-hub', 'no unit for the hub')
    .option('--bridge', 'a unit for the bridge too')
    .option(
      '--out <folder>',
      'write them there; run it as the user the roles are to run as, and copy them to /etc/systemd/system',
    )
    .action(async (flags: SystemdFlags) => {
      const { plan } = await planFor(flags, context)
      for (const note of plan.notes) context.err(`${note}\n`)
      const units = unitsOf(plan, flags)
      if (flags.out !== undefined) mkdirSync(flags.out, { recursive: true })
      for (const [name, text] of units) {
        if (flags.out === undefined) context.out(`# ${name}\n${text}\n`)
        else writeFileSync(join(flags.out, name), text)
      }
      const names = [...units.keys()].join(' ')
      if (flags.out !== undefined)
        context.out(`wrote ${names}\nnow: systemctl daemon-reload && systemctl enable --now ${names}\n`)
    })
}

/** The units' texts by their names. */
function unitsOf(plan: Plan, { hub = isLocal(plan.url), bridge }: SystemdFlags): Map<string, string> {
  const unit = ({ name }: PlannedRole) => `ocs-${plan.root}-${name}.service`
  const hubs = hub ? [plan.hub] : []
  const instances = plan.instances.filter(({ target }) => target === 'up')
  const recorders = instances.filter(({ rank }) => rank === 'recorder')
  const all = [...hubs, ...instances, ...(bridge ? [plan.bridge] : [])]
  // What is started after another is stopped before it.
  const before = { hub: [], recorder: hubs, agent: [...hubs, ...recorders] }
  return new Map(all.map((role) => [unit(role), textOf(role, before[role.rank].map(unit))]))
}

function textOf({ name, args }: PlannedRole, after: readonly string[]): string {
  const { username, uid } = userInfo()
  return `[Unit]
Description=ocs ${name}
After=${['network-online.target', ...after].join(' ')}
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=${[...PROGRAM, ...args].map(quoted).join(' ')}
WorkingDirectory=${resolve('.').replaceAll('%', '%%')}
${uid === 0 ? '' : `User=${username}\n`}StateDirectory=ocs
Restart=always
RestartSec=5
TimeoutStopSec=5

[Install]
WantedBy=multi-user.target
`
}

/** A word as systemd.service(5) takes it on a command line. */
function quoted(word: string): string {
  const plain = word.replaceAll('%', '%%').replaceAll('$', '$$$$')
  return /^[\w%$@+=:,./-]+$/.test(plain) ? plain : `"${plain.replaceAll(/["\\]/g, '\\$&')}"`
}
