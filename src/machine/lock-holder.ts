import { readFileSync, statSync } from 'node:fs'
import { processName } from './process-name.ts'

/**
 * The holder of a lock on a file: `ocs agent (pid 123)`, `this process itself`; undefined if the system does
 * not tell. Uses proc_locks(5): device in hex, inode in decimal.
 */
export function lockHolder(path: string): string | undefined {
  const pid = lockPid(path)
  if (pid === process.pid) return 'this process itself'
  return pid === undefined ? undefined : processName(pid)
}

/** The process that holds a lock on a file; undefined if none does, or the system does not tell. */
export function lockPid(path: string): number | undefined {
  try {
    const { dev, ino } = statSync(path)
    const device = [(dev >> 8) & 0xfff, dev & 0xff]
      .map((part) => part.toString(16).padStart(2, '0'))
      .join(':')
    const lines = readFileSync('/proc/locks', 'latin1').split('\n')
    const line = lines.find((entry) => entry.includes(` ${device}:${ino} `))
    const pid = Number(line?.trim().split(/\s+/)[4])
    return pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}
