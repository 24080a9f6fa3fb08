import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

/**
 * Creates a file, or takes an existing one, with rights only for this account (0600), and its folder (0700)
 * if that is new. Files that SQLite puts beside it get the same rights.
 */
export function ownFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  // Closing a file would release all locks that this process has on it.
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
  tighten(path, 0o600)
}

/**
 * The text of a file that only this account may read (0600). A missing file is created, completely and
 * synced, with the text from `make`; if several processes do so, the first one's stays.
 * @throws Error of the file system, and for a file of another account
 */
export function privateText(path: string, make: () => string): string {
  if (!existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const fresh = freshName(path)
    try {
      writePrivate(fresh, make(), 'wx')
      link(fresh, path)
    } finally {
      rmSync(fresh, { force: true })
    }
    sync(dirname(path), 'r')
  }
  if (statSync(path).uid !== process.getuid?.()) throw new Error(`${path} belongs to another account`)
  tighten(path, 0o600)
  return readFileSync(path, 'utf8')
}

/** An unused name beside a path, so that no existing file or link of others is used. */
function freshName(path: string): string {
  return `${path}.${randomBytes(8).toString('hex')}.new`
}

/** Gives a file another name; an existing file of that name stays as it is. */
function link(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    // Not every file system has hard links.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') renameSync(from, to)
  }
}

/**
 * Replaces a file with one that only this account may read, completely and synced.
 * @throws Error of the file system
 */
export function replacePrivate(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const fresh = freshName(path)
  try {
    writePrivate(fresh, text, 'wx')
    renameSync(fresh, path)
  } finally {
    rmSync(fresh, { force: true })
  }
}

/**
 * Writes text into a file that only this account may read: a new one (`wx`), overwritten (`w`) or appended
 * (`a`), and syncs it.
 */
export function writePrivate(path: string, text: string, how: 'w' | 'wx' | 'a'): void {
  sync(path, how, text)
}

function sync(path: string, how: 'r' | 'w' | 'wx' | 'a', text = ''): void {
  const file = openSync(path, how, 0o600)
  try {
    if (text !== '') writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** The text of a file of this account; undefined if it does not exist, or others may read or write it. */
export function readPrivate(path: string): string | undefined {
  const about = statSync(path, { throwIfNoEntry: false })
  if (!about?.isFile() || about.uid !== process.getuid?.() || (about.mode & 0o077) !== 0) return undefined
  return readFileSync(path, 'utf8')
}

/** Removes rights beyond `mode` from a file or folder of this account. Returns whether there were any. */
export function tighten(path: string, mode: number): boolean {
  const about = statSync(path)
  if (about.uid !== process.getuid?.() || (about.mode & 0o777 & ~mode) === 0) return false
  try {
    chmodSync(path, about.mode & mode)
    return true
  } catch {
    // A file system without rights, or one that refused the change: only the file's owner can change it.
    return false
  }
}
