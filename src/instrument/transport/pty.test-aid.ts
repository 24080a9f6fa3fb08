import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { configure, ioctl } from './termios.ts'

const TIOCSPTLCK = 0x40045431
const TIOCGPTN = 0x80045430
const { O_RDWR, O_NOCTTY, O_NONBLOCK } = constants

/** The instrument's end of a pseudo-terminal; the program under test opens `path`. */
export interface Pty {
  readonly path: string
  write(text: string): void
  /** Makes the port vanish, like a pulled cable. */
  unplug(): Promise<void>
}

/** Opens a pseudo-terminal; `onLine` receives each line that the other end sends, without its terminator. */
export function openPty(onLine: (line: string, pty: Pty) => void = () => {}): Pty {
  const master = openSync('/dev/ptmx', O_RDWR | O_NOCTTY | O_NONBLOCK)
  ioctl(master, TIOCSPTLCK, new Uint8Array(4))
  const number = new Uint8Array(4)
  ioctl(master, TIOCGPTN, number)
  const path = `/dev/pts/${new DataView(number.buffer).getUint32(0, true)}`
  // While this is open, reading the master gives no error between two openings.
  const keep = openSync(path, O_RDWR | O_NOCTTY)
  configure(keep)
  const reader = Bun.file(master).stream().getReader()
  let open = true
  const pty: Pty = {
    path,
    write: (text) => void writeSync(master, text, null, 'latin1'),
    unplug: async () => {
      if (!open) return
      open = false
      await reader.cancel()
      closeSync(keep)
      closeSync(master)
    },
  }
  void (async () => {
    let begun = ''
    for (;;) {
      const { done, value } = await reader.read()
      if (done || !open) return
      const lines = (begun + Buffer.from(value).toString('latin1')).split('\n')
      begun = lines.pop() ?? ''
      for (const line of lines) onLine(line.replace(/\r$/, ''), pty)
    }
  })()
  return pty
}
