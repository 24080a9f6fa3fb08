/** What the agents of Lake Shore's instruments share. */
import { resolve } from 'node:path'
import { TransportError } from '../../core/errors.ts'
import { serialNumberOf } from '../../instrument/find.ts'
import {
  change as changeRegister,
  type Format,
  recall as recallRegister,
} from '../../instrument/registers.ts'
import type { LineLink } from '../../instrument/transport/line-link.ts'
import { openLine } from '../../instrument/transport/open.ts'

/** The TCP port of Lake Shore's Ethernet instruments. */
const PORT = 7777

/** A connected instrument. */
export interface Connected {
  /** Its line; the runtime opens the instrument anew when it closes. */
  readonly link: LineLink
}

const whole = /^(tcp|serial|replay):/

/** The address that `HOST`, `HOST:PORT` or a whole address of `openLine` means. */
export function addressOf(text: string): string {
  if (whole.test(text)) return text
  return /(^[^:]*|\]):\d+$/.test(text) ? `tcp://${text}` : `tcp://${text}:${PORT}`
}

/** The address that the path of a serial port, or a whole address of `openLine`, means. */
export function portAddress(text: string): string {
  return whole.test(text) ? text : resolve(text)
}

/**
 * Opens an instrument, makes sure it is the right one and takes stock of it; it is closed again if any of that fails.
 * @param model what its reply to `*IDN?` has to look like
 * @throws TransportError if it cannot be reached, or is another one
 */
export async function openLakeshore<T>(
  address: string,
  { model, serialNumber, signal }: { model: RegExp; serialNumber: string | undefined; signal: AbortSignal },
  survey: (line: LineLink) => Promise<T>,
): Promise<T & Connected> {
  const line = await openLine(address, { identify: { command: '*IDN?', match: model }, signal })
  const stop = () => void line.close()
  signal.addEventListener('abort', stop)
  try {
    const there = serialNumberOf(line.identity)
    if (serialNumber !== undefined && there.toUpperCase() !== serialNumber.toUpperCase()) {
      throw new TransportError(
        `${line.name}: serial number ${there}, not ${serialNumber} (${line.identity}): correct serial_number, or the address`,
      )
    }
    return { ...(await survey(line)), link: line }
  } catch (error) {
    await line.close()
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** Reads a record: `NAME? key`. */
export function recall<V extends object>(
  line: LineLink,
  name: string,
  key: string | number,
  record: Format<V>,
): Promise<V> {
  return recallRegister(line, registerOf(name, record), String(key))
}

/**
 * Changes some values of a record and reads it back. `key` is the channel or output, empty where there is none.
 * @returns the record as the instrument has it now
 * @throws OpError if it kept another value: it passes over what it does not like
 */
export function change<V extends object>(
  line: LineLink,
  name: string,
  key: string | number,
  record: Format<V>,
  wanted: Partial<V>,
): Promise<V> {
  return changeRegister(line, registerOf(name, record), String(key), wanted)
}

const registerOf = <V extends object>(name: string, record: Format<V>) => ({ name, record, initial: {} as V })
