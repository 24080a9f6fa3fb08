import { dlopen, ptr } from 'bun:ffi'
import {
  closeSync,
  constants,
  lstatSync,
  openSync,
  readlinkSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { ConfigError, messageOf } from '../core/errors.ts'
import { simulatorAt } from './pty-holder.ts'

/** A pseudo-terminal: we hold the instrument's end, a reader opens `path` as its serial port. */
export interface Pty {
  /** What a reader opens: the stable link if there is one, else the device. */
  readonly path: string
  /** Queues bytes for the reader. Returns at once; with nobody reading, what exceeds 64 KiB is dropped as by a full UART. */
  write(bytes: Uint8Array): void
  /** Takes the terminal away, as an unplugged cable does: an open reader sees its port end, the path is gone. */
  vanish(): Promise<void>
  /** A new terminal under the same link. Without a link `path` is another one afterwards. */
  comeBack(): void
  /** Vanishes for good. */
  close(): Promise<void>
}

const queueLimit = 64 * 1024
/** Retry while the terminal's buffer is full; the kernel tells no poller about room in a pty through Bun. */
const retryMs = 5

/**
 * Opens a pseudo-terminal in raw mode without echo (Linux; posix_openpt(3)).
 * @param options.link a symbolic link to keep pointing at the terminal; a stale link of an earlier run is replaced.
 * @param options.onData receives what the reader writes, as it comes.
 * @throws ConfigError when there is no pseudo-terminal to be had or the link cannot be made.
 */
export function openPty(options: { link?: string; onData: (bytes: Uint8Array) => void }): Pty {
  const { link, onData } = options
  let terminal: Terminal | undefined = openTerminal(link, onData)
  let path = link ?? terminal.device
  return {
    get path() {
      return path
    },
    write: (bytes) => terminal?.write(bytes),
    async vanish() {
      const old = terminal
      terminal = undefined
      await old?.close()
    },
    comeBack() {
      if (terminal) return
      terminal = openTerminal(link, onData)
      path = link ?? terminal.device
    },
    async close() {
      const old = terminal
      terminal = undefined
      await old?.close()
    },
  }
}

interface Terminal {
  device: string
  write(bytes: Uint8Array): void
  close(): Promise<void>
}

function openTerminal(link: string | undefined, onData: (bytes: Uint8Array) => void): Terminal {
  const { master, slave, device } = openPair()
  try {
    if (link !== undefined) pointLink(link, device)
  } catch (error) {
    closeSync(slave)
    closeSync(master)
    throw error
  }
  const reader = Bun.file(master).stream().getReader()
  const pending: Uint8Array[] = []
  let pendingBytes = 0
  let retry: ReturnType<typeof setTimeout> | undefined
  let open = true

  async function read(): Promise<void> {
    for (;;) {
      const { done, value } = await reader.read()
      if (done || !open) return
      onData(value)
    }
  }
  // A read that fails has lost its terminal; there is nobody to tell.
  read().catch(() => {})

  function flush(): void {
    retry = undefined
    for (let bytes = pending[0]; open && bytes; bytes = pending[0]) {
      let written = 0
      try {
        written = writeSync(master, bytes)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      }
      pendingBytes -= written
      if (written === bytes.length) pending.shift()
      else {
        pending[0] = bytes.subarray(written)
        retry = setTimeout(flush, retryMs)
        return
      }
    }
  }

  return {
    device,
    write(bytes) {
      if (!open || pendingBytes + bytes.length > queueLimit) return
      pending.push(bytes)
      pendingBytes += bytes.length
      if (retry === undefined) flush()
    },
    async close() {
      open = false
      clearTimeout(retry)
      if (link !== undefined) removeLink(link)
      // The stream holds a copy of the descriptor: both must go before the reader of the other end notices.
      await reader.cancel().catch(() => {})
      closeSync(slave)
      closeSync(master)
    },
  }
}

/** A link may replace a link, never a file or a device of someone else. */
function pointLink(link: string, device: string): void {
  const before = lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(link) : ''
  const holder = simulatorAt(before)
  if (holder !== undefined)
    throw new ConfigError(
      `${link} is served by another simulator (pid ${holder}): stop it, or name another with --pty`,
    )
  try {
    removeLink(link)
    symlinkSync(device, link)
  } catch (error) {
    throw new ConfigError(
      `cannot make the link ${link} to the pseudo-terminal ${device}: ${messageOf(error)}`,
      {
        cause: error,
      },
    )
  }
}

function removeLink(link: string): void {
  const status = lstatSync(link, { throwIfNoEntry: false })
  if (status?.isSymbolicLink()) unlinkSync(link)
}

function openPair(): { master: number; slave: number; device: string } {
  const libc = loadLibc()
  const master = libc.posix_openpt(constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK)
  if (master < 0) throw new ConfigError('no pseudo-terminal left: see /proc/sys/kernel/pty/max')
  try {
    if (libc.grantpt(master) !== 0 || libc.unlockpt(master) !== 0) throw new Error('cannot be unlocked')
    const device = String(libc.ptsname(master))
    // As long as we hold the other end too, the terminal outlives the readers that come and go.
    const slave = openSync(device, constants.O_RDWR | constants.O_NOCTTY)
    const termios = new Uint8Array(128) // larger than any struct termios
    libc.tcgetattr(slave, ptr(termios))
    libc.cfmakeraw(ptr(termios))
    libc.tcsetattr(slave, 0, ptr(termios))
    return { master, slave, device }
  } catch (error) {
    closeSync(master)
    throw new ConfigError(`cannot set up a pseudo-terminal: ${messageOf(error)}`, { cause: error })
  }
}

function openLibc(name: string) {
  return dlopen(name, {
    posix_openpt: { args: ['i32'], returns: 'i32' },
    grantpt: { args: ['i32'], returns: 'i32' },
    unlockpt: { args: ['i32'], returns: 'i32' },
    ptsname: { args: ['i32'], returns: 'cstring' },
    tcgetattr: { args: ['i32', 'ptr'], returns: 'i32' },
    tcsetattr: { args: ['i32', 'i32', 'ptr'], returns: 'i32' },
    cfmakeraw: { args: ['ptr'], returns: 'void' },
  }).symbols
}

let loaded: ReturnType<typeof openLibc> | undefined

function loadLibc(): ReturnType<typeof openLibc> {
  if (loaded) return loaded
  const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
  let cause: unknown
  for (const name of ['libc.so.6', `libc.musl-${arch}.so.1`]) {
    try {
      loaded = openLibc(name)
      return loaded
    } catch (error) {
      cause = error
    }
  }
  throw new ConfigError('pseudo-terminals need Linux; use --tcp instead of --pty', { cause })
}
