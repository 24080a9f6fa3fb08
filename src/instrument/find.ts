import { existsSync, globSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf, TransportError } from '../core/errors.ts'
import { openLine } from './transport/open.ts'
import { missingRetryMs } from './transport/serial.ts'
import type { SerialSettings } from './transport/termios.ts'

/** Where and how to search. */
export interface FindOptions {
  /** The only port to look at, a path or any address of `openLine`; no other is tried. */
  readonly port?: string
  readonly serial?: SerialSettings
  /** ms to wait for an answer, 2000 by default. */
  readonly timeout?: number
  readonly signal?: AbortSignal
  /** More ports, as globs separated by commas or colons; `OCS_SERIAL_PORTS` of the environment by default. */
  readonly globs?: string
  /** Where the device files are, `/dev` by default. */
  readonly dev?: string
}

/** Where an instrument was found, and its reply to `*IDN?`. */
export interface Found {
  readonly url: string
  readonly idn: string
}

/** The serial number in a reply to `*IDN?`: the third of four fields; Lake Shore appends `/option` to some. */
export function serialNumberOf(idn: string): string {
  return idn.split(',')[2]?.split('/')[0]?.trim() ?? ''
}

/**
 * Finds an instrument by its serial number: `/dev/<number>`, `/dev/serial/by-id/*<number>*`, then the globs;
 * each is asked `*IDN?` and must answer with that number.
 * @throws TransportError with every port tried, and why it was rejected
 */
export async function findSerial(serialNumber: string, options: FindOptions = {}): Promise<Found> {
  const { port, signal } = options
  const tried: string[] = []
  let missing = true
  const urls = port === undefined ? candidates(serialNumber, options) : [port]
  for (const url of urls) {
    signal?.throwIfAborted()
    try {
      const idn = await ask(url, options)
      const there = serialNumberOf(idn)
      if (there.toUpperCase() === serialNumber.toUpperCase()) return { url, idn }
      missing = false
      tried.push(`${url}: serial number ${there}, not ${serialNumber} (${idn})`)
    } catch (error) {
      if (signal?.aborted || !(error instanceof TransportError)) throw error
      missing &&= error.retryMs !== undefined
      tried.push(messageOf(error))
    }
  }
  const text = port === undefined ? notFound(serialNumber, tried, options) : tried.join('\n')
  throw new TransportError(text, missing ? { retryMs: missingRetryMs } : {})
}

function notFound(
  serialNumber: string,
  tried: readonly string[],
  { globs = envGlobs(), dev = '/dev' }: FindOptions,
): string {
  const places = [
    `${dev}/${serialNumber}`,
    `${dev}/serial/by-id/*${serialNumber}*`,
    globs || 'OCS_SERIAL_PORTS (not set)',
  ]
  const head = `no instrument with serial number ${serialNumber}`
  if (tried.length === 0)
    return `${head}: nothing at ${places.join(', ')}: is it plugged in and on? Or name its port: --port=/dev/ttyUSB0`
  return `${head} among the ports tried:\n${tried.map((line) => `  ${line}`).join('\n')}`
}

const envGlobs = () => process.env['OCS_SERIAL_PORTS'] ?? ''

/** Ports to ask, in order; each device once, however many names it has. */
function candidates(serialNumber: string, { globs = envGlobs(), dev = '/dev' }: FindOptions): string[] {
  // Names under /dev/serial/by-path contain colons: only a colon before a path separates.
  const patterns = globs.split(/,|:(?=\/)/).filter((pattern) => pattern !== '')
  const byId = globSync(`${join(dev, 'serial/by-id')}/*${serialNumber}*`)
  const paths = [
    join(dev, serialNumber),
    ...byId.sort(),
    ...patterns.flatMap((pattern) => globSync(pattern).sort()),
  ]
  const devices = new Map(
    paths
      .filter((path) => existsSync(path))
      .map((path) => [realpathSync(path), path])
      .reverse() as [string, string][],
  )
  return paths.filter((path) => [...devices.values()].includes(path))
}

async function ask(url: string, { serial, timeout, signal }: FindOptions): Promise<string> {
  const link = await openLine(url, {
    ...(serial && { serial }),
    ...(timeout && { timeout }),
    ...(signal && { signal }),
  })
  await link.close()
  return link.identity
}
