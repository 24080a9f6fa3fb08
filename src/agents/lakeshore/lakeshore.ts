/** The shared part of the agents for Lake Shore instruments. */
import { resolve } from 'node:path'
import type { Claim, IdentifyOptions } from '../../core/agent.ts'
import { TransportError } from '../../core/errors.ts'
import { addressClaims, serialClaims } from '../../instrument/claims.ts'
import { findSerial, serialNumberOf } from '../../instrument/find.ts'
import { patient } from '../../instrument/patient.ts'
import {
  change as changeRegister,
  type Format,
  recall as recallRegister,
} from '../../instrument/registers.ts'
import type { LineLink } from '../../instrument/transport/line-link.ts'
import type { Link } from '../../instrument/transport/link.ts'
import { openLine } from '../../instrument/transport/open.ts'

/** The TCP port of Lake Shore's Ethernet instruments. */
const PORT = 7777

/** A connected instrument. */
export interface Connected {
  /** Its line; when it closes, the runtime opens the instrument again. */
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

/** Where an instrument of Lake Shore's is, and which it has to be. */
export interface Whereabouts {
  readonly serial_number?: string | undefined
  readonly ip_address?: string | undefined
  /** A serial port. */
  readonly port?: string | undefined
}

/** Its address; undefined where it has to be found by its serial number. */
export function givenAddress({ port, ip_address }: Whereabouts): string | undefined {
  return port ? portAddress(port) : ip_address && addressOf(ip_address)
}

/** The keys of a declaration that are the same for all of them. */
export const lakeshore = {
  claims(args: Whereabouts): Claim[] {
    const address = givenAddress(args)
    const own = address === undefined ? [] : addressClaims(address, { ...args })
    return [...serialClaims('serial_number', args.serial_number), ...own]
  },
  async identify(args: Whereabouts, { timeout, signal }: IdentifyOptions): Promise<string | undefined> {
    const address = givenAddress(args)
    if (args.serial_number !== undefined)
      return (await findSerial(args.serial_number, { ...(address && { port: address }), timeout, signal }))
        .idn
    if (address === undefined) return undefined
    const identify = { command: '*IDN?', match: /,/ }
    const line = await openLine(address, { identify, timeout, connectTimeout: timeout, signal })
    await line.close()
    return line.identity
  },
  label: ({ serial_number }: Whereabouts): string | undefined => serial_number,
}

/**
 * Opens an instrument, checks its identity and reads its setup; closes it again if any of that fails.
 * @param model pattern for its reply to `*IDN?`
 * @throws TransportError if it cannot be reached or is another instrument
 */
export async function openLakeshore<T>(
  address: string,
  { model, serialNumber, signal }: { model: RegExp; serialNumber: string | undefined; signal: AbortSignal },
  survey: (link: Link) => Promise<T>,
): Promise<T & Connected> {
  const line = await openLine(address, { identify: { command: '*IDN?', match: model }, signal })
  const stop = () => void line.close()
  signal.addEventListener('abort', stop)
  try {
    mustBe(line, serialNumber)
    return { ...(await survey(patient(line))), link: line }
  } catch (error) {
    await line.close()
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** @throws TransportError when an instrument has another serial number than the one that is wanted, if one is */
export function mustBe({ name, identity }: Link, wanted: string | undefined): void {
  const there = serialNumberOf(identity)
  if (wanted === undefined || there.toUpperCase() === wanted.toUpperCase()) return
  throw new TransportError(
    `${name}: serial number ${there}, not ${wanted} (${identity}): correct serial_number, or the address`,
  )
}

/** Reads a record: `NAME? key`. */
export function recall<V extends object>(
  link: Link,
  name: string,
  key: string | number,
  record: Format<V>,
): Promise<V> {
  return recallRegister(link, registerOf(name, record), String(key))
}

/**
 * Changes some values of a record and reads it back. `key` is the channel or output, empty if there is none.
 * @returns the record as the instrument has it now
 * @throws OpError if it kept another value: the instrument silently ignores values that it does not accept
 */
export function change<V extends object>(
  link: Link,
  name: string,
  key: string | number,
  record: Format<V>,
  wanted: Partial<V>,
): Promise<V> {
  return changeRegister(link, registerOf(name, record), String(key), wanted)
}

const registerOf = <V extends object>(name: string, record: Format<V>) => ({ name, record, initial: {} as V })
