/**
 * Serial port settings on Linux, by ioctl(2) on a file descriptor: the kernel's `termios2`
 * (asm-generic/termbits.h, the same on x86-64 and arm64) takes any baud rate as a number and is the same
 * under glibc and musl, unlike libc's own calls.
 */
import { ptr, read } from 'bun:ffi'
import { constants } from 'node:os'
import { TransportError } from '../../core/errors.ts'
import { libc } from '../../machine/libc.ts'

/** The settings of the line: 115200 8N1 by default. One stop bit, no flow control. */
export interface SerialSettings {
  /** Bits per second, 9600 to 230400. */
  readonly baud?: number
  readonly bits?: 7 | 8
  readonly parity?: 'none' | 'even' | 'odd'
  /** Whether the modem lines drop when the last program closes the port; true by default. */
  readonly hupcl?: boolean
}

/** The rates that `configure` accepts, in bits per second. */
export const baudRates = [9600, 19200, 38400, 57600, 115200, 230400]

const TCGETS2 = 0x802c542a
const TCSETS2 = 0x402c542b
const TCFLSH = 0x540b
const TCIOFLUSH = 2
const TIOCEXCL = 0x540c
const TIOCNXCL = 0x540d
const LOCK_EX_NB = 2 | 4
const LOCK_UN = 8
/** Flags in c_cflag. */
const BOTHER = 0o010000
const CREAD = 0o000200
const CLOCAL = 0o004000
const HUPCL = 0o002000
const CS7 = 0o000040
const CS8 = 0o000060
const PARENB = 0o000400
const PARODD = 0o001000
/** Offsets in `struct termios2`: four flag words, line discipline, 19 control characters, two speeds. */
const offset = { cflag: 8, controls: 17, inputSpeed: 36, outputSpeed: 40, size: 44 }
const VTIME = 5
const VMIN = 6

const symbols = {
  ioctl: { args: ['i32', 'u64', 'u64'], returns: 'i32' },
  flock: { args: ['i32', 'i32'], returns: 'i32' },
  __errno_location: { args: [], returns: 'ptr' },
} as const

function load() {
  if (process.platform !== 'linux')
    throw new TransportError(
      `serial ports work on Linux only, not on ${process.platform}: use tcp://HOST:PORT`,
    )
  return libc(symbols)
}
let loaded: ReturnType<typeof load> | undefined
const calls = () => (loaded ??= load())

/** Throws an Error with the system's `code`, as node:fs does, if a call returned -1. */
function check(result: number, call: string): void {
  if (result !== -1) return
  const at = calls().__errno_location()
  const errno = at === null ? 0 : read.i32(at)
  const code = Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`
  throw Object.assign(new Error(`${call}: ${code}`), { code })
}

/** ioctl(2); the argument is a number or a buffer. @throws Error with `code`. */
export function ioctl(fd: number, request: number, argument: number | Uint8Array = 0): void {
  const value = typeof argument === 'number' ? argument : ptr(argument)
  check(calls().ioctl(fd, request, value), `ioctl ${request.toString(16)}`)
}

/**
 * Sets the line to raw bytes at the given speed and format. @throws Error with code ENOTTY if it is not a
 * terminal
 */
export function configure(fd: number, settings: SerialSettings = {}): void {
  const { baud = 115200, bits = 8, parity = 'none', hupcl = true } = settings
  const bytes = new Uint8Array(offset.size)
  ioctl(fd, TCGETS2, bytes)
  const view = new DataView(bytes.buffer)
  const little = true // both processors that Bun runs on are
  for (const flags of [0, 4, 12]) view.setUint32(flags, 0, little) // input, output, local: no translation, no echo, no signals
  let cflag = BOTHER | CREAD | CLOCAL | (bits === 7 ? CS7 : CS8)
  if (parity !== 'none') cflag |= PARENB
  if (parity === 'odd') cflag |= PARODD
  if (hupcl) cflag |= HUPCL
  view.setUint32(offset.cflag, cflag, little)
  // With VMIN 0 a read with nothing there looks like the end of the file.
  bytes[offset.controls + VTIME] = 0
  bytes[offset.controls + VMIN] = 1
  view.setUint32(offset.inputSpeed, baud, little)
  view.setUint32(offset.outputSpeed, baud, little)
  ioctl(fd, TCSETS2, bytes)
}

/** The line's speed as the driver reports it, bits per second: a driver rounds speeds it does not support. */
export function baudRate(fd: number): number {
  const bytes = new Uint8Array(offset.size)
  ioctl(fd, TCGETS2, bytes)
  return new DataView(bytes.buffer).getUint32(offset.outputSpeed, true)
}

/** Discards received input that was not read, and written output that was not sent. */
export const flush = (fd: number): void => ioctl(fd, TCFLSH, TCIOFLUSH)

/**
 * Takes the port for this program alone: flock for programs that ask, TIOCEXCL for those that do not.
 * @throws Error with code EAGAIN if it is taken
 */
export function lock(fd: number): void {
  check(calls().flock(fd, LOCK_EX_NB), 'flock')
  ioctl(fd, TIOCEXCL)
}

/**
 * Releases the port. Call it before closing, since the reader holds a copy of the descriptor, and with it the
 * lock. A port that is gone does not need it.
 */
export function unlock(fd: number): void {
  calls().flock(fd, LOCK_UN)
  calls().ioctl(fd, TIOCNXCL, 0)
}
