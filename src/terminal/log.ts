import { mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { diskFault } from '../core/disk-fault.ts'
import { ConfigError, messageOf } from '../core/errors.ts'
import { printable } from '../core/printable.ts'
import { redact } from '../core/redact.ts'
import type { Context } from './context.ts'

/** Local time in the format of OCS's logs: `2018-11-01T18:17:20-0400`. */
export function stamp(time: Date): string {
  const two = (n: number) => String(Math.trunc(Math.abs(n))).padStart(2, '0')
  const east = -time.getTimezoneOffset()
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
  return `${date}T${clock}${east < 0 ? '-' : '+'}${two(east / 60)}${two(east % 60)}`
}

/** `text`: lines with a time; `json`: one object per line. */
export type LogFormat = 'text' | 'json'
/** Writes one line. `bare`: without a time, as OCS prints its settings. */
export type Log = (text: string, how?: { readonly bare?: boolean }) => void

/**
 * A log on standard error and, with `file`, also appended there. If the disk cannot be written, only the file
 * stops.
 * @throws ConfigError when the file cannot be opened for another reason
 */
export function createLog(context: Pick<Context, 'err'>, format: LogFormat, file?: string): Log {
  let fd: number | undefined
  const open = () => {
    fd ??= file === undefined ? undefined : openLog(file)
  }
  open()
  return (said, { bare = false } = {}) => {
    const now = new Date()
    // A log is also read on terminals.
    const text = printable(redact(said))
    const stamped = bare ? text : `${stamp(now)} ${text}`
    const line = format === 'json' ? JSON.stringify({ time: now.getTime() / 1000, text }) : stamped
    context.err(`${line}\n`)
    try {
      open()
      if (fd !== undefined) writeSync(fd, `${line}\n`)
    } catch {
      // A full disk must not stop the role whose log it is.
    }
  }
}

/** Opens the file; undefined while the disk cannot be written: then it is tried again at each line. */
function openLog(file: string): number | undefined {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    return openSync(file, 'a', 0o640)
  } catch (cause) {
    if (diskFault(cause)) return undefined
    throw new ConfigError(`${file}: ${messageOf(cause)}: choose another folder with --log-dir`, { cause })
  }
}
