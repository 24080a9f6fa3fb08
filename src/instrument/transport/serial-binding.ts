/**
 * The serial port for `@serialport/stream` on Bun: the binding that comes with serialport is libuv code,
 * which makes Bun abort. Reads come from Bun's stream of a non-blocking descriptor, so an idle port costs
 * nothing.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import type { ReadableStreamDefaultReader } from 'node:stream/web'
import type { BindingInterface, BindingPortInterface, OpenOptions } from '@serialport/bindings-interface'
import { baudRate, configure, flush, lock, type SerialSettings, unlock } from './termios.ts'

/** Options for opening a port; `lock: false`, stop bits other than 1 and flow control are not supported. */
export interface BunOpenOptions extends OpenOptions {
  line: SerialSettings
}

const O_CLOEXEC = 0o2000000
const flags = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK | O_CLOEXEC
/** ms between two attempts to write to a port whose output queue is full. */
const retry = 2

const canceled = () => Object.assign(new Error('the port is closed'), { canceled: true })

class BunPort implements BindingPortInterface {
  readonly openOptions: Required<OpenOptions>
  readonly #fd: number
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>
  #rest: Uint8Array = new Uint8Array()
  isOpen = true

  constructor(fd: number, options: BunOpenOptions) {
    this.#fd = fd
    this.#reader = Bun.file(fd).stream().getReader()
    this.openOptions = {
      ...{ dataBits: 8, lock: true, stopBits: 1, parity: 'none', hupcl: true },
      ...{ rtscts: false, xon: false, xoff: false, xany: false },
      ...options,
    }
  }

  async read(buffer: Buffer, offset: number, length: number): Promise<{ buffer: Buffer; bytesRead: number }> {
    if (this.#rest.length === 0) {
      const { done, value } = await this.#reader.read()
      if (!this.isOpen) throw canceled()
      if (done) throw new Error('the device is gone')
      this.#rest = value
    }
    const bytes = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(bytes.length)
    buffer.set(bytes, offset)
    return { buffer, bytesRead: bytes.length }
  }

  async write(buffer: Buffer): Promise<void> {
    for (let at = 0; at < buffer.length; ) {
      if (!this.isOpen) throw canceled()
      try {
        at += writeSync(this.#fd, buffer, at)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
        await Bun.sleep(retry)
      }
    }
  }

  async close(): Promise<void> {
    if (!this.isOpen) throw new Error('the port is already closed')
    this.isOpen = false
    // The stream holds a copy of the descriptor: unless cancelled it would stay open and keep the process
    // alive.
    await this.#reader.cancel().catch(() => {})
    unlock(this.#fd)
    closeSync(this.#fd)
  }

  async flush(): Promise<void> {
    flush(this.#fd)
  }

  async getBaudRate(): Promise<{ baudRate: number }> {
    return { baudRate: baudRate(this.#fd) }
  }

  update = unsupported
  set = unsupported
  get = unsupported
  drain = unsupported
}

async function unsupported(): Promise<never> {
  throw new Error('this binding does not change modem lines or settings of an open port')
}

/** The binding. Errors carry the system's `code`: ENOENT, EACCES, EBUSY and EAGAIN (taken), ENOTTY. */
export const bunBinding: BindingInterface<BunPort, BunOpenOptions> = {
  list: async () => [],
  async open(options) {
    const fd = openSync(options.path, flags)
    try {
      lock(fd)
      configure(fd, options.line)
      // Input that the last program did not read still waits in the driver.
      flush(fd)
      return new BunPort(fd, options)
    } catch (error) {
      closeSync(fd)
      throw error
    }
  },
}
