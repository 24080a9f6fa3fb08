import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Environment variables. */
type Env = Readonly<Record<string, string | undefined>>

/**
 * The state folder: the flag, `OCS_STATE_DIR`, systemd's `STATE_DIRECTORY`, or XDG's state folder. It need
 * not exist.
 */
export function statePath(flag: string | undefined, env: Env): string {
  const systemd = env['STATE_DIRECTORY']?.split(':')[0]
  return resolve(flag || env['OCS_STATE_DIR'] || systemd || ownStatePath(env))
}

/** The default state folder. */
export function ownStatePath(env: Env): string {
  return resolve(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'ocs')
}
