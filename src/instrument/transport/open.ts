import { ConfigError } from '../../core/errors.ts'
import { parseAddress } from './address.ts'
import type { Transport } from './byte-stream.ts'
import { stopped } from './failures.ts'
import { openFiles } from './file-tail.ts'
import { openHttp } from './http.ts'
import { LineLink, type LineOptions } from './line-link.ts'
import type { Link } from './link.ts'
import { openPrologix } from './prologix.ts'
import { openReplay } from './replay.ts'
import { type Requester, RequestLink } from './request-link.ts'
import { openSerial } from './serial.ts'
import { openTcp } from './tcp.ts'
import type { SerialSettings } from './termios.ts'
import { openUdp } from './udp.ts'

/** How to open and how to talk. Options that do not apply to an address (line ends over HTTP) are ignored. */
export interface OpenLineOptions extends LineOptions {
  /** The instrument's own serial settings; those in the address take precedence. */
  readonly serial?: SerialSettings
  /** ms to wait for a TCP connection, 3000 by default. */
  readonly connectTimeout?: number
  /** Aborts an opening in progress. */
  readonly signal?: AbortSignal
}

/**
 * Opens an instrument that answers a line with a line, by its address (forms: `address.ts`), and has it
 * identify itself: unread input is discarded, a serial port is sent an empty line, then 100 ms of silence,
 * then up to three tries. A recorded dialog answers at once and is not waited for.
 * @throws ConfigError for an invalid address, TransportError if the instrument cannot be reached or does not
 * answer
 */
export async function openLine(url: string, options: OpenLineOptions = {}): Promise<LineLink> {
  const { serial, connectTimeout, signal, ...line } = options
  const limits = { ...(connectTimeout && { connectTimeout }), ...(signal && { signal }) }
  const address = parseAddress(url)
  const over = (transport: Transport, own: LineOptions = {}) =>
    LineLink.open(transport, { ...own, ...line }, signal)
  if (signal?.aborted) throw stopped(withoutLogin(url), signal)
  switch (address.kind) {
    case 'replay':
      return over(await openReplay(address.path), { gap: 0, quiet: 0 })
    case 'tcp':
      return over(await openTcp(address.host, address.port, limits))
    case 'udp':
      return over(await openUdp(address.host, address.port))
    case 'prologix':
      return over(await openPrologix(address.host, address.port, address.gpib, limits))
    case 'serial':
      return over(await openSerial(address.path, { ...serial, ...address.settings }), { wake: true })
    default:
      throw new ConfigError(
        `${url}: this instrument speaks in lines: use tcp, serial, udp, prologix or replay`,
      )
  }
}

/**
 * Opens any instrument by its address: with `openLine`, or for `http:`, `modbus:`, `snmp:` and `file:` with
 * those protocols. Only an instrument that talks in lines is asked to identify itself, unless `identify` says
 * how.
 * @throws ConfigError for an invalid address, TransportError if the instrument cannot be reached or does not
 * answer
 */
export async function openLink(url: string, options: OpenLineOptions = {}): Promise<Link> {
  const address = parseAddress(url)
  const { connectTimeout, signal } = options
  const over = (requester: Requester) => RequestLink.open(requester, options, signal)
  if (signal?.aborted) throw stopped(withoutLogin(url), signal)
  switch (address.kind) {
    case 'http':
      return over(openHttp(address.url))
    case 'file':
      return over(openFiles(address.pattern))
    // These libraries are loaded only when needed.
    case 'modbus': {
      const limits = { ...(connectTimeout && { connectTimeout }), ...(signal && { signal }) }
      const { openModbus } = await import('./modbus.ts')
      return over(await openModbus(address.host, address.port, address.unit, limits))
    }
    case 'snmp': {
      const { openSnmp } = await import('./snmp.ts')
      return over(openSnmp(address.host, address.port, address.settings))
    }
    default:
      return openLine(url, options)
  }
}

/** An address for messages: that of HTTP may contain a password. */
const withoutLogin = (url: string): string => url.replace(/\/\/[^@/]*@/, '//')
