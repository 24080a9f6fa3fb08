import { ConfigError } from '../core/errors.ts'
import { LineLink, type LineOptions } from './line-link.ts'
import { openReplay } from './replay.ts'
import { openSerial } from './serial.ts'
import { openTcp } from './tcp.ts'
import type { SerialSettings } from './termios.ts'

/** How to open and how to talk. */
export interface OpenLineOptions extends LineOptions {
  /** The instrument's own serial settings; what the address says goes before. */
  readonly serial?: SerialSettings
  /** ms to wait for a TCP connection, 3000 by default. */
  readonly connectTimeout?: number
  /** Stops an opening under way. */
  readonly signal?: AbortSignal
}

/** An instrument's address, taken apart. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'serial'; readonly path: string; readonly settings: SerialSettings }
  | { readonly kind: 'replay'; readonly path: string }

const examples =
  'tcp://HOST:PORT, serial:/dev/ttyUSB0?baud=115200&bits=8&parity=none, /dev/ttyUSB0 or replay:FILE'

/** Takes apart `tcp://HOST:PORT`, `serial:PATH?baud=…&bits=…&parity=…`, an absolute path, or `replay:FILE`. @throws ConfigError. */
export function parseAddress(url: string): Address {
  const [, scheme = url.startsWith('/') ? 'serial' : '', rest = url] =
    /^(tcp|serial|replay):(.*)$/.exec(url) ?? []
  if (scheme === 'replay' && rest !== '') return { kind: 'replay', path: rest }
  if (scheme === 'tcp') return tcpAddress(url)
  if (scheme === 'serial' && rest.startsWith('/')) return serialAddress(url, rest)
  throw new ConfigError(`${JSON.stringify(url)} is not an instrument's address: write ${examples}`)
}

function tcpAddress(url: string): Address {
  const [, host = '', port = ''] = /^tcp:\/\/(\[[^\]]+\]|[^:/[\]]+):(\d+)\/?$/.exec(url) ?? []
  if (!(Number(port) >= 1 && Number(port) <= 65535))
    throw new ConfigError(
      `${JSON.stringify(url)} is not tcp://HOST:PORT with a port from 1 to 65535, as in tcp://10.0.0.4:7777`,
    )
  return { kind: 'tcp', host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}

function serialAddress(url: string, rest: string): Address {
  const [path = '', query = ''] = rest.split('?', 2)
  const settings: { baud?: number; bits?: 7 | 8; parity?: 'none' | 'even' | 'odd'; hupcl?: boolean } = {}
  for (const [key, value] of new URLSearchParams(query)) {
    if (key === 'baud' && /^\d+$/.test(value)) settings.baud = Number(value)
    else if (key === 'bits' && (value === '7' || value === '8')) settings.bits = value === '7' ? 7 : 8
    else if (key === 'parity' && (value === 'none' || value === 'even' || value === 'odd'))
      settings.parity = value
    else if (key === 'hupcl' && (value === 'true' || value === 'false')) settings.hupcl = value === 'true'
    else
      throw new ConfigError(
        `${url}: cannot use ${key}=${value}: there are baud=9600…230400, bits=7|8, parity=none|even|odd, hupcl=true|false`,
      )
  }
  return { kind: 'serial', path, settings }
}

/**
 * Opens an instrument by its address and has it identify itself: what is left unread is discarded, a serial port is sent an
 * empty line, then 100 ms of silence, then up to three tries. A recorded dialog answers at once and is not waited for.
 * @throws ConfigError for an address that cannot be meant, TransportError if the instrument cannot be reached or does not answer.
 */
export async function openLine(url: string, options: OpenLineOptions = {}): Promise<LineLink> {
  const { serial, connectTimeout, signal, ...line } = options
  const address = parseAddress(url)
  signal?.throwIfAborted()
  switch (address.kind) {
    case 'replay':
      return LineLink.open(await openReplay(address.path), { gap: 0, quiet: 0, ...line })
    case 'tcp': {
      const limits = { ...(connectTimeout && { connectTimeout }), ...(signal && { signal }) }
      return opened(await openTcp(address.host, address.port, limits), line, signal)
    }
    case 'serial': {
      const transport = await openSerial(address.path, { ...serial, ...address.settings })
      return opened(transport, { wake: true, ...line }, signal)
    }
  }
}

/** `LineLink.open`, cut short by the signal. */
async function opened(
  transport: Parameters<typeof LineLink.open>[0],
  line: LineOptions,
  signal: AbortSignal | undefined,
) {
  const stop = () => void transport.close()
  signal?.addEventListener('abort', stop)
  try {
    return await LineLink.open(transport, line)
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}
