import { mkdirSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { PROGRAM } from './children.ts'
import type { PlannedRole } from './roles.ts'
import { isLocal, type Plan } from './up-plan.ts'

/** The units' texts by their names. */
export function systemdUnits(
  plan: Plan,
  {
    hub = isLocal(plan.url),
    bridge,
  }: { readonly hub?: boolean | undefined; readonly bridge?: boolean | string | undefined },
): Map<string, string> {
  const unit = ({ name }: PlannedRole) => `ocs-${plan.root}-${name}.service`
  const hubs = hub ? [plan.hub] : []
  const instances = plan.instances.filter(({ target }) => target === 'up')
  const recorders = instances.filter(({ rank }) => rank === 'recorder')
  const all = [...hubs, ...instances, ...(bridge ? [plan.bridge] : [])]
  // What is started after another is stopped before it.
  const before = { hub: [], recorder: hubs, agent: [...hubs, ...recorders] }
  return new Map(all.map((role) => [unit(role), textOf(role, before[role.rank].map(unit))]))
}

/** Writes units into a folder, made where it is not there. */
export function writeUnits(units: ReadonlyMap<string, string>, folder: string): void {
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of units) writeFileSync(join(folder, name), text)
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
StateDirectoryMode=0700
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
