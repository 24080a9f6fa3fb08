import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The folder for everything that a recorder keeps in a data directory besides data. Programs of the field
 * take each entry of a data directory for a folder of `.g3` files (`sotodlib.io.hkdb`), so it is a folder,
 * and no name in it ends in `.g3`.
 */
export const OWN_FOLDER = '.ocs'

/** The path of a file in it. */
export function ownPath(dir: string, name: string): string {
  return join(dir, OWN_FOLDER, name)
}

/** Names of files that were in the data directory itself until version 0.1, and their present names. */
const MOVED = { '.ocs-data-dir': 'data-dir', 'notes.jsonl': 'notes.jsonl' } as const

/** The path of the lock then. */
export const OLD_LOCK = '.ocs-recorder.lock'

/**
 * Creates the folder, and moves into it the files that an earlier version left beside it. @throws Error of
 * the file system
 */
export function makeOwnFolder(dir: string): void {
  mkdirSync(join(dir, OWN_FOLDER), { recursive: true })
  for (const [old, name] of Object.entries(MOVED)) {
    const to = ownPath(dir, name)
    // A file that is there already is newer; the old one is kept with the suffix `.old`.
    if (existsSync(join(dir, old))) renameSync(join(dir, old), existsSync(to) ? `${to}.old` : to)
  }
}
