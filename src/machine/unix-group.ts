import { spawnSync } from 'node:child_process'
import { ConfigError } from '../core/errors.ts'

/**
 * The number of a group of this machine to which this account may give files.
 * @throws ConfigError when there is no group of that name, or this account is not a member
 */
export function groupId(name: string): number {
  const { stdout } = spawnSync('getent', ['group', name], { encoding: 'utf8' })
  const text = stdout?.split(':')[2]
  if (!text) throw new ConfigError(`there is no group ${name} on this machine: sudo groupadd ${name}`)
  const id = Number(text)
  if (process.getuid?.() === 0 || [process.getegid?.(), ...(process.getgroups?.() ?? [])].includes(id))
    return id
  throw new ConfigError(
    `this account is not in the group ${name}, so it cannot give its members their token: ` +
      `sudo usermod -aG ${name} ${userName(process.getuid?.() ?? -1)}, then log in again`,
  )
}

/** The name of an account of this machine by its number; the number itself if it has no name. */
export function userName(id: number): string {
  const { stdout } = spawnSync('getent', ['passwd', String(id)], { encoding: 'utf8' })
  return stdout?.split(':')[0] || `account ${id}`
}
