/** What the agents of Lake Shore's instruments share. */
import { resolve } from 'node:path'
import { OpError, TransportError } from '../core/errors.ts'
import { serialNumberOf } from '../instrument/find.ts'
import type { LineLink } from '../instrument/line-link.ts'
import { openLine } from '../instrument/open.ts'

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

/** A record that the instrument keeps; `Row` of `codec.ts` is one. */
interface Format<V> {
  decode(reply: string): V
  encode(values: V): string
}

/** Reads a record: `NAME? key`. */
export function recall<V>(
  line: LineLink,
  name: string,
  key: string | number,
  { decode }: Format<V>,
): Promise<V> {
  return line.read(`${name}? ${key}`.trim(), decode)
}

/**
 * Changes some values of a record and reads it back. `key` is the channel or output, empty where there is none.
 * @returns the record as the instrument has it now
 * @throws OpError if it kept another value: it passes over what it does not like
 */
export async function change<V extends object>(
  line: LineLink,
  name: string,
  key: string | number,
  format: Format<V>,
  wanted: Partial<V>,
): Promise<V> {
  const before = await recall(line, name, key, format)
  const record = format.encode({ ...before, ...wanted })
  await line.send(`${name} ${key === '' ? record : `${key},${record}`}`)
  const kept = await recall(line, name, key, format)
  for (const [field, value] of Object.entries(wanted) as [keyof V & string, unknown][]) {
    if (!same(kept[field], value)) {
      throw new OpError(`${name} ${key}: the instrument keeps ${field} ${kept[field]} instead of ${value}`)
    }
  }
  return kept
}

/** Equal, or as equal as six digits can be. */
export function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return a === b
  return Math.abs(a - b) <= 1e-5 * Math.max(Math.abs(a), Math.abs(b))
}
