import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../../core/errors.ts'
import { nearOr } from '../../core/names.ts'

/** A spool file of a state folder. */
export interface SpoolPlace {
  /** The address root and the instance-id. */
  readonly root: string
  readonly instance: string
  readonly file: string
}
/** Where data nodes of archives keep their indexes (`indexPath`); these are not spools. */
const INDEXES = 'archives'

/** The spools of a state folder: `ROOT/INSTANCE.sqlite`. */
export function spoolsIn(state: string): SpoolPlace[] {
  if (!existsSync(state)) return []
  if (!statSync(state).isDirectory())
    throw new ConfigError(`${state} is no folder: name the state folder with --state-dir`)
  return readdirSync(state, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== INDEXES)
    .flatMap(({ name: root }) =>
      readdirSync(join(state, root))
        .filter((file) => /^[^.]+\.sqlite$/.test(file))
        .map((file) => ({ root, instance: file.replace(/\.sqlite$/, ''), file: join(state, root, file) })),
    )
    .sort((a, b) => a.file.localeCompare(b.file))
}

/**
 * Finds a spool by name.
 * @throws ConfigError when there is none, or several; the message lists those that exist
 */
export function findSpool(state: string, name: string): SpoolPlace {
  const all = spoolsIn(state)
  const meant = all.filter(({ root, instance }) => name === instance || name === `${root}.${instance}`)
  const [found] = meant
  if (found && meant.length === 1) return found
  const names = (meant.length > 1 ? meant : all).map(({ root, instance }) => `${root}.${instance}`)
  if (meant.length > 1)
    throw new ConfigError(`several spools in ${state} belong to "${name}": ${names.join(', ')}`)
  const known = [...all.map(({ instance }) => instance), ...names]
  throw new ConfigError(
    `no spool of "${name}" in ${state} (${nearOr(name, known)}): name another folder with --state-dir`,
  )
}
