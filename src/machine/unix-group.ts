import { spawnSync } from 'node:child_process'
import { ConfigError } from '../core/errors.ts'

/** The number of a group of this machine. @throws ConfigError when there is none of that name */
export function groupId(name: string): number {
  const { stdout } = spawnSync('getent', ['group', name], { encoding: 'utf8' })
  const id = stdout?.split(':')[2]
  if (!id) throw new ConfigError(`there is no group ${name} on this machine: sudo groupadd ${name}`)
  return Number(id)
}

/** The name of an account of this machine by its number, or that. */
export function userName(id: number): string {
  const { stdout } = spawnSync('getent', ['passwd', String(id)], { encoding: 'utf8' })
  return stdout?.split(':')[0] || `account ${id}`
}
