import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a file, or one that is there, this account's own (0600), and its folder (0700) where that is new: what SQLite puts
 * beside it has the same rights.
 */
export function ownFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'a', 0o600))
  try {
    chmodSync(path, 0o600)
  } catch {
    // Another account's file that this one may write: its rights are for that one to say.
  }
}
