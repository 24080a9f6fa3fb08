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
 * Makes a file, or one that is there, this account's own (0600), and its folder (0700) where that is new: what SQLite puts
 * beside it has the same rights.
 */
export function ownFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  // To close a file takes away all locks that this process has on it.
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
  tighten(path, 0o600)
}

/**
 * The text of a file that is this account's alone (0600). One that is not there is made, whole and synced, from `make`;
 * of several processes that do so the first one's stays.
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

/** A name beside a path that nobody has taken before, with a file that they can read or a link. */
function freshName(path: string): string {
  return `${path}.${randomBytes(8).toString('hex')}.new`
}

/** Gives a file another name, which is left as it is where there is one. */
function link(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    // Not every file system has links.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') renameSync(from, to)
  }
}

/** Puts a file of this account's alone in the place of what is there, whole and synced. @throws Error of the file system */
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

/** Writes text into a file of this account's alone, a new one (`wx`), anew (`w`) or behind what is there (`a`), and syncs it. */
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

/** The text of a file of this account's alone; undefined when it is not there, or others may read or write it. */
export function readPrivate(path: string): string | undefined {
  const about = statSync(path, { throwIfNoEntry: false })
  if (!about?.isFile() || about.uid !== process.getuid?.() || (about.mode & 0o077) !== 0) return undefined
  return readFileSync(path, 'utf8')
}

/** Takes rights away from a file or folder of this account that gives more than `mode`. Says whether there were any. */
export function tighten(path: string, mode: number): boolean {
  const about = statSync(path)
  if (about.uid !== process.getuid?.() || (about.mode & 0o777 & ~mode) === 0) return false
  try {
    chmodSync(path, about.mode & mode)
    return true
  } catch {
    // A file system without rights, or one that permission denied change: its owner has to say.
    return false
  }
}
