import { lstatSync, mkdirSync, readdirSync, statfsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { diskFault } from '../core/disk-fault.ts'
import { ConfigError, messageOf } from '../core/errors.ts'
import { tighten } from '../machine/private-file.ts'
import { ownStatePath, statePath } from '../machine/state-path.ts'
import type { Context } from '../terminal/context.ts'

type Env = Context['env']

/** File systems on which SQLite's locks are unreliable, by the magic number of statfs(2). */
const NETWORK: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4283649346: 'CIFS',
  4266872130: 'SMB2',
  1397113167: 'AFS',
  12805120: 'Ceph',
}

/**
 * The folder of spools, sessions and logs: the flag, `OCS_STATE_DIR`, systemd's `STATE_DIRECTORY`, or XDG's
 * state folder.
 * @throws ConfigError when it cannot be made, or is on a network file system
 */
export function stateDir(flag: string | undefined, env: Env): string {
  const path = statePath(flag, env)
  const type = NETWORK[made(path, '--state-dir')]
  if (type) {
    throw new ConfigError(
      `${path} is on ${type}, a network file system, where samples are not safe: choose a local folder with --state-dir`,
    )
  }
  return path
}

/** The network file system of an existing folder; undefined for a local one. */
export function networkType(path: string): string | undefined {
  return NETWORK[statfsSync(path).type]
}

/**
 * Restricts to their owner (0700) folders that an older ocs, or a copy, has left readable for others: the
 * state folder if it is the default one, and the folder of a lab's spools. A folder that the user chose may
 * belong to others and stays as it is; so does one that contains other things than ours.
 */
export function tightenState(state: string, root: string, env: Env, log: (text: string) => void): void {
  const spools = join(state, root)
  const ours = [...(state === ownStatePath(env) ? [state] : []), ...(holdsSpools(spools) ? [spools] : [])]
  for (const folder of ours)
    if (tighten(folder, 0o700))
      log(`${folder} was open to other accounts: now only its owner can use it (0700)`)
}

/** Whether a path is a folder (not a link to one) with spools in it and nothing but files. */
function holdsSpools(folder: string): boolean {
  try {
    if (!lstatSync(folder).isDirectory()) return false
    const entries = readdirSync(folder, { withFileTypes: true })
    return entries.some(({ name }) => name.endsWith('.sqlite')) && entries.every((entry) => entry.isFile())
  } catch {
    return false // does not exist yet, or belongs to another user
  }
}

/** The default folder of a recorder: XDG's data folder. */
export function defaultDataDir(env: Env): string {
  return join(env['XDG_DATA_HOME'] || join(homedir(), '.local', 'share'), 'ocs', 'data')
}

function made(path: string, flag: string): number {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    return statfsSync(path).type
  } catch (cause) {
    // Those who must write there report it themselves: others go on.
    if (diskFault(cause)) return 0
    throw new ConfigError(`${path}: ${messageOf(cause)}: choose another folder with ${flag}`, { cause })
  }
}
