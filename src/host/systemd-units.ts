import { mkdirSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { PROGRAM } from './children.ts'
import type { PlannedRole } from './roles.ts'
import { isLocal, type Plan } from './up-plan.ts'

/**
 * Seconds that `ocs up` has to stop: it stops its roles one rank after the other, and foreign programs may
 * take longer.
 */
const UP_STOP_S = 30

/** The text of the unit of each role, by unit name. */
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
  // systemd stops units in the reverse order of their start.
  const before = { hub: [], recorder: hubs, agent: [...hubs, ...recorders] }
  return new Map(all.map((role) => [unit(role), textOf(role, before[role.rank].map(unit))]))
}

/** Writes units into a folder, which is created if needed. */
export function writeUnits(units: ReadonlyMap<string, string>, folder: string): void {
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of units) writeFileSync(join(folder, name), text)
}

/**
 * One unit that runs `ocs up`, which keeps the roles alive and stops them in order: only `ocs up` gets
 * SIGTERM, and roles that remain are killed in the end.
 * @param words the arguments after `ocs`
 */
export function upUnit({ root, host }: Plan, words: readonly string[]): Map<string, string> {
  const service = ['Type=exec', 'KillMode=mixed']
  const text = unitText(`ocs up of ${host.name}`, words, { service, stopS: UP_STOP_S })
  return new Map([[`ocs-${root}.service`, text]])
}

function textOf({ name, args }: PlannedRole, after: readonly string[]): string {
  return unitText(`ocs ${name}`, args, { after, stopS: 5 })
}

function unitText(
  description: string,
  words: readonly string[],
  {
    after = [],
    service = [],
    stopS,
  }: { readonly after?: readonly string[]; readonly service?: readonly string[]; readonly stopS: number },
): string {
  const { username, uid } = userInfo()
  return `[Unit]
Description=${description.replaceAll('%', '%%')}
After=${['network-online.target', ...after].join(' ')}
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
${service.map((line) => `${line}\n`).join('')}ExecStart=${[...PROGRAM, ...words].map(quoted).join(' ')}
WorkingDirectory=${resolve('.').replaceAll('%', '%%')}
${uid === 0 ? '' : `User=${username}\n`}StateDirectory=ocs
StateDirectoryMode=0700
Restart=always
RestartSec=5
TimeoutStopSec=${stopS}

[Install]
WantedBy=multi-user.target
`
}

/** A word quoted for a command line by systemd.service(5). */
function quoted(word: string): string {
  const plain = word.replaceAll('%', '%%').replaceAll('$', '$$$$')
  return /^[\w%$@+=:,./-]+$/.test(plain) ? plain : `"${plain.replaceAll(/["\\]/g, '\\$&')}"`
}
