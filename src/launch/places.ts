import { mkdirSync, statfsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'
import type { Context } from '../terminal/context.ts'

type Env = Context['env']

/** File systems on which SQLite's locks cannot be trusted, by the magic number of statfs(2). */
const NETWORK: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4283649346: 'CIFS',
  4266872130: 'SMB2',
  1397113167: 'AFS',
  12805120: 'Ceph',
}

/**
 * Where spools, sessions and logs are: the flag, `OCS_STATE_DIR`, systemd's `STATE_DIRECTORY`, or XDG's state folder.
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

/** The network file system that a folder, an existing one, is on; undefined for a local one. */
export function networkType(path: string): string | undefined {
  return NETWORK[statfsSync(path).type]
}

/** The same folder for what may be anywhere and need not exist. */
export function statePath(flag: string | undefined, env: Env): string {
  const home = env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state')
  const systemd = env['STATE_DIRECTORY']?.split(':')[0]
  return resolve(flag || env['OCS_STATE_DIR'] || systemd || join(home, 'ocs'))
}

/** Where a recorder writes when nothing says so: XDG's data folder. */
export function defaultDataDir(env: Env): string {
  return join(env['XDG_DATA_HOME'] || join(homedir(), '.local', 'share'), 'ocs', 'data')
}

function made(path: string, flag: string): number {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    return statfsSync(path).type
  } catch (cause) {
    throw new ConfigError(`${path}: ${messageOf(cause)}: choose another folder with ${flag}`, { cause })
  }
}
