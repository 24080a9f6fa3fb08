import { closeSync, fstatSync, globSync, openSync, readSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { ConfigError, messageOf, TransportError } from '../../core/errors.ts'
import type { Requester } from './request-link.ts'

/** Bytes of one file taken at a time; the rest comes with the next `read`. */
const CHUNK = 256 * 1024
/** Number of bytes before the present position that are remembered, to recognize the file. */
const MEMORY = 256
const DAY_MS = 86_400_000

interface Followed {
  /** The file as last opened: the rest of a file that has been renamed is read from this. */
  fd: number
  /** Bytes taken so far, whole lines only. */
  taken: number
  /** The last of those bytes. */
  memory: Buffer
  /** Whether the current line is noise, of which a chunk or more has been skipped. */
  noise: boolean
}

/** A line of a file; null with the reason if the file cannot be read. */
export type FileLine =
  | readonly [path: string, line: string]
  | readonly [path: string, line: null, why: string]

/**
 * Follows files that grow, such as logs. `read` is answered with the lines completed since the last `read`,
 * as JSON: a list of `FileLine`. `last` is answered with the last whole line of each file, and consumes
 * nothing. In the pattern `{yyyy}`, `{yy}`, `{mm}`, `{dd}` stand for today and for yesterday, local time, so
 * that lines written around midnight are not missed; `*` for anything within a name. The initial content is
 * skipped. A file that was replaced is read from its beginning, unless it begins as the old one did: rsync
 * writes a longer copy and renames it. Files are polled, not watched: a network drive reports no changes.
 * @param pattern an absolute path
 */
export function openFiles(pattern: string, { now = () => new Date() } = {}): Requester {
  if (!isAbsolute(pattern))
    throw new ConfigError(`file:${pattern}: give an absolute path, as in file:/data/*.log`)
  const followed = new Map<string, Followed>()
  let first = true
  const forget = (path: string) => {
    const file = followed.get(path)
    if (file) closeSync(file.fd)
    followed.delete(path)
  }
  const each = (paths: readonly string[], lines: (path: string) => string[]): FileLine[] =>
    paths.flatMap((path): FileLine[] => {
      try {
        return lines(path).map((line) => [path, line])
      } catch (error) {
        return [[path, null, messageOf(error)]]
      }
    })
  return {
    name: `file:${pattern}`,
    async request(command) {
      if (command !== 'read' && command !== 'last')
        throw new ConfigError(`${JSON.stringify(command)}: files know "read" and "last" only`)
      const paths = matching(pattern, now())
      if (paths.length === 0)
        throw new TransportError(`file:${pattern}: there is no such file: is its folder there, and mounted?`)
      if (command === 'last') return JSON.stringify(each(paths, lastLine))
      const found = each(paths, (path) => newLines(path, followed, first))
      for (const path of followed.keys()) if (!paths.includes(path)) forget(path)
      first = false
      return JSON.stringify(found)
    },
    close: async () => {
      for (const path of followed.keys()) forget(path)
    },
  }
}

/** The last whole line of a file, if it has one. */
function lastLine(path: string): string[] {
  const fd = openSync(path, 'r')
  try {
    const end = lastLineEnd(fd)
    const from = Math.max(0, end - CHUNK)
    const bytes = Buffer.alloc(end - from)
    if (end > 0) readSync(fd, bytes, 0, bytes.length, from)
    return bytes.toString('utf8').split(/\r?\n/).slice(0, -1).slice(-1)
  } finally {
    closeSync(fd)
  }
}

/** Files that match for yesterday, then those for today. */
function matching(pattern: string, now: Date): string[] {
  const days = [new Date(now.getTime() - DAY_MS), now].map((day) => dated(pattern, day))
  return [...new Set(days)].flatMap((one) => globSync(one).sort())
}

/** The pattern with a day's date, local time. */
function dated(pattern: string, day: Date): string {
  const two = (n: number) => String(n).padStart(2, '0')
  const year = String(day.getFullYear())
  const parts = { yyyy: year, yy: year.slice(2), mm: two(day.getMonth() + 1), dd: two(day.getDate()) }
  return pattern.replaceAll(/\{(yyyy|yy|mm|dd)\}/g, (_, key: keyof typeof parts) => parts[key])
}

function newLines(path: string, followed: Map<string, Followed>, passOver: boolean): string[] {
  const fd = openSync(path, 'r')
  const old = followed.get(path)
  const begun = { fd, taken: 0, memory: Buffer.alloc(0), noise: false }
  try {
    followed.set(path, begun)
    if (!old) {
      if (passOver) move(begun, lastLineEnd(fd))
      return take(begun)
    }
    const same = bytesBefore(fd, old.taken).equals(old.memory)
    if (same) Object.assign(begun, { taken: old.taken, memory: old.memory, noise: old.noise })
    return same ? take(begun) : [...take(old), ...take(begun)]
  } finally {
    if (old) closeSync(old.fd)
  }
}

/** The whole lines after the position reached, at most a chunk. */
function take(file: Followed): string[] {
  const bytes = Buffer.alloc(CHUNK)
  const got = readSync(file.fd, bytes, 0, CHUNK, file.taken)
  const end = got === 0 ? -1 : bytes.lastIndexOf(10, got - 1)
  // A chunk without a line end is noise, which must not stop the file for good.
  if (end < 0 && got === CHUNK) {
    move(file, file.taken + got)
    file.noise = true
  }
  if (end < 0) return []
  move(file, file.taken + end + 1)
  const lines = bytes.toString('utf8', 0, end).split('\n')
  if (file.noise) lines.shift()
  file.noise = false
  return lines.map((line) => line.replace(/\r$/, '')).filter((line) => line !== '')
}

function move(file: Followed, to: number): void {
  file.taken = to
  file.memory = bytesBefore(file.fd, to)
}

/** Up to 256 bytes before a position; fewer near the beginning of the file. */
function bytesBefore(fd: number, place: number): Buffer {
  const from = Math.max(0, place - MEMORY)
  const bytes = Buffer.alloc(place - from)
  return place === from ? bytes : bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, from))
}

/** The end of the last whole line: a half-written line is taken once it is complete. */
function lastLineEnd(fd: number): number {
  const { size } = fstatSync(fd)
  const from = Math.max(0, size - CHUNK)
  const bytes = Buffer.alloc(size - from)
  const got = size === 0 ? 0 : readSync(fd, bytes, 0, bytes.length, from)
  return got === 0 ? 0 : from + bytes.lastIndexOf(10, got - 1) + 1
}
