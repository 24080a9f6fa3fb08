import { SerialPortStream } from '@serialport/stream'
import { ConfigError, messageOf, TransportError } from '../../core/errors.ts'
import { lockHolder } from '../../machine/lock-holder.ts'
import type { Transport } from './byte-stream.ts'
import { Loss } from './loss.ts'
import { bunBinding } from './serial-binding.ts'
import { baudRates, type SerialSettings } from './termios.ts'

/**
 * Opens a serial port for this program alone, discarding unread input.
 * @throws ConfigError for an unsupported baud rate, TransportError if the port is missing, forbidden, taken
 * or not one
 */
export async function openSerial(path: string, settings: SerialSettings = {}): Promise<Transport> {
  const { baud = 115200 } = settings
  if (!baudRates.includes(baud))
    throw new ConfigError(`${path}: baud rate ${baud} is not one of ${baudRates.join(', ')}`)
  const port = new SerialPortStream({
    binding: bunBinding,
    path,
    baudRate: baud,
    line: settings,
    autoOpen: false,
  })
  await new Promise<void>((resolve, reject) =>
    port.open((error) => (error ? reject(openError(path, error)) : resolve())),
  )
  return transportOver(path, port)
}

function transportOver(path: string, port: SerialPortStream<typeof bunBinding>): Transport {
  const loss = new Loss(path)
  let closing: Promise<void> | undefined
  const lose = (cause?: Error | null) =>
    void loss.tell(
      new TransportError(`${path} is gone: was it unplugged, or the instrument switched off?`, { cause }),
    )
  // A failed write first reports an error; after either the stream closes the port by itself.
  port.on('close', lose)
  port.on('error', lose)
  return {
    name: path,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        if (loss.over) return reject(loss.over)
        port.write(bytes, (error) => {
          if (error) lose(error)
          error ? reject(loss.over ?? error) : resolve()
        })
      }),
    onData: (next) => port.on('data', next),
    onClose: loss.onClose,
    close: () => {
      loss.close()
      closing ??= new Promise((resolve) => {
        if (port.isOpen) port.close(() => resolve())
        else if (port.closing) port.once('close', () => resolve())
        else resolve()
      })
      return closing
    },
    flush: () =>
      new Promise((resolve, reject) =>
        port.flush((error) => (error ? reject(new TransportError(`${path}: ${error.message}`)) : resolve())),
      ),
  }
}

/** The error of opening a port, with advice. `error.code` is the system's. */
export function openError(path: string, error: Error & { code?: string }): Error {
  if (error instanceof TransportError) return error
  const retry = missing.has(error.code ?? '') && { retryMs: missingRetryMs }
  return new TransportError(text(path, error), { cause: error, ...retry })
}

/**
 * ms before a missing port is looked for again: looking is cheap, and a reconnected cable should not have to
 * wait.
 */
export const missingRetryMs = 500
const missing = new Set(['ENOENT', 'ENODEV', 'ENXIO', 'EIO'])

function text(path: string, error: Error & { code?: string }): string {
  switch (error.code) {
    case 'ENOENT':
    case 'ENODEV':
    case 'ENXIO':
    case 'EIO':
      return `no serial port ${path}: is the cable in and the instrument on? What is there: ls -l /dev/serial/by-id /dev/ttyUSB* /dev/ttyACM*`
    case 'EACCES':
    case 'EPERM':
      return `no permission to open ${path}: run sudo usermod -aG dialout $USER, then log in again`
    case 'EAGAIN':
    case 'EBUSY':
      return `${path} is in use by ${lockHolder(path) ?? 'another program'}: two programs would read each other's replies, so stop that one first`
    case 'ENOTTY':
    case 'EISDIR':
    case 'EINVAL':
      return `${path} is not a serial port`
    default:
      return `cannot open ${path}: ${messageOf(error)}`
  }
}
