import { ptr } from 'bun:ffi'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { resolve } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'
import { libc } from '../machine/libc.ts'
import { openPtyLink, type PtyLink } from './pty-link.ts'

/** A pseudo-terminal: we hold the instrument's end, a reader opens `path` as its serial port. */
export interface Pty {
  /** What a reader opens: the stable link if there is one, else the device. */
  readonly path: string
  /**
   * Queues bytes for the reader. Returns at once; if nobody reads, bytes beyond 64 KiB are dropped as by a
   * full UART.
   */
  write(bytes: Uint8Array): void
  /** Removes the terminal, like an unplugged cable: an open reader sees its port end, the path is gone. */
  vanish(): Promise<void>
  /** A new terminal at the same link. Without a link `path` changes. */
  comeBack(): void
  /** Vanishes for good. */
  close(): Promise<void>
}

const queueLimit = 64 * 1024
/**
 * A child that inherited the terminal would keep it from vanishing; node has no name for this flag (open(2)).
 */
const O_CLOEXEC = 0o2000000
/**
 * Retry interval while the terminal's buffer is full; through Bun the kernel tells no poller about room in a
 * pty.
 */
const retryMs = 5

/**
 * Opens a pseudo-terminal in raw mode without echo (Linux; posix_openpt(3)).
 * @param options.link a symbolic link to keep pointing at the terminal; a stale link of an earlier run is
 * replaced.
 * @param options.onData receives the bytes that the reader writes, as they come.
 * @throws ConfigError if no pseudo-terminal is available or the link cannot be made
 */
export function openPty(options: { link?: string; onData: (bytes: Uint8Array) => void }): Pty {
  const { onData } = options
  const link = options.link === undefined ? undefined : openPtyLink(resolve(options.link))
  let terminal: Terminal | undefined
  let path = ''
  let closed = false
  const open = () => {
    terminal = openTerminal(link, onData)
    path = options.link ?? terminal.device
  }
  const vanish = async () => {
    const old = terminal
    terminal = undefined
    await old?.close()
  }
  try {
    open()
  } catch (error) {
    link?.close()
    throw error
  }
  return {
    get path() {
      return path
    },
    write: (bytes) => terminal?.write(bytes),
    vanish,
    comeBack() {
      if (!terminal && !closed) open()
    },
    async close() {
      closed = true
      await vanish()
      link?.close()
    },
  }
}

interface Terminal {
  device: string
  write(bytes: Uint8Array): void
  close(): Promise<void>
}

function openTerminal(link: PtyLink | undefined, onData: (bytes: Uint8Array) => void): Terminal {
  const { master, slave, device } = openPair()
  try {
    link?.point(device)
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
  // A failed read has lost its terminal; there is nobody to report it to.
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
      link?.remove()
      // The stream holds a copy of the descriptor: both must be closed before the reader of the other end
      // notices.
      await reader.cancel().catch(() => {})
      closeSync(slave)
      closeSync(master)
    },
  }
}

function openPair(): { master: number; slave: number; device: string } {
  const calls = loadLibc()
  const master = calls.posix_openpt(constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK | O_CLOEXEC)
  if (master < 0) throw new ConfigError('no pseudo-terminal left: see /proc/sys/kernel/pty/max')
  try {
    if (calls.grantpt(master) !== 0 || calls.unlockpt(master) !== 0) throw new Error('cannot be unlocked')
    const device = String(calls.ptsname(master))
    // While we hold the other end as well, the terminal outlives the readers that come and go.
    const slave = openSync(device, constants.O_RDWR | constants.O_NOCTTY)
    const termios = new Uint8Array(128) // larger than any struct termios
    calls.tcgetattr(slave, ptr(termios))
    calls.cfmakeraw(ptr(termios))
    calls.tcsetattr(slave, 0, ptr(termios))
    return { master, slave, device }
  } catch (error) {
    closeSync(master)
    throw new ConfigError(`cannot set up a pseudo-terminal: ${messageOf(error)}`, { cause: error })
  }
}

const openLibc = () =>
  libc({
    posix_openpt: { args: ['i32'], returns: 'i32' },
    grantpt: { args: ['i32'], returns: 'i32' },
    unlockpt: { args: ['i32'], returns: 'i32' },
    ptsname: { args: ['i32'], returns: 'cstring' },
    tcgetattr: { args: ['i32', 'ptr'], returns: 'i32' },
    tcsetattr: { args: ['i32', 'i32', 'ptr'], returns: 'i32' },
    cfmakeraw: { args: ['ptr'], returns: 'void' },
  })

let loaded: ReturnType<typeof openLibc> | undefined

function loadLibc(): ReturnType<typeof openLibc> {
  try {
    loaded ??= openLibc()
    return loaded
  } catch (cause) {
    throw new ConfigError('pseudo-terminals need Linux; use --tcp instead of --pty', { cause })
  }
}
