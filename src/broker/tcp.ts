import { createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls'
import { hostPort } from '../core/host-port.ts'
import { portError } from '../machine/port-in-use.ts'
import type { KeyPair } from '../principals/certificate.ts'
import { CIPHERS } from '../principals/web-tls.ts'
import { limits } from './limits.ts'

/** Where to listen; port 0 takes any free one. */
export interface Listen {
  readonly host: string
  readonly port: number
  /** Over TLS. */
  readonly tls?: boolean
}

/** Takes the connections of a port. */
export interface Taker {
  /** Counts a new connection; one above the limits is closed at once. */
  enter(conn: Duplex, from: string): boolean
  /** Takes a connection that has been counted. */
  take(conn: Duplex, from: string): void
  log(text: string): void
}

/**
 * Serves MQTT over TCP.
 * @throws ConfigError for a port in use
 */
export function listenTcp(at: Listen, { enter, take }: Taker): Promise<Server> {
  const server = createServer((socket) => {
    const from = fromOf(socket)
    if (enter(socket, from)) take(prepared(socket), from)
  })
  return opened(server, at)
}

/**
 * Serves MQTT over TLS, 1.2 or newer.
 * @throws ConfigError for a port in use
 */
export async function listenTls(at: Listen, keys: KeyPair, { enter, take, log }: Taker): Promise<TlsServer> {
  const handshakeTimeout = limits.connect_timeout * 1000
  const server = createTlsServer({ ...contextOf(keys), handshakeTimeout }, (socket) =>
    take(prepared(socket), fromOf(socket)),
  )
  // On Bun this is the socket that is passed on later; on Node it would be the one beneath it.
  server.on('connection', (socket: Socket) => void enter(socket, fromOf(socket)))
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    log(`a connection from ${fromOf(socket)} was refused: ${refusal(error)}`)
    // With a listener for this event, only the listener can close it.
    socket.destroy()
  })
  await opened(server, at)
  return server
}

/** The TLS settings for new connections; existing ones stay. */
export function contextOf({ cert, key }: KeyPair) {
  return { cert, key, minVersion: 'TLSv1.2', ciphers: CIPHERS } as const
}

/** Why a client's TLS handshake failed, by the codes of BoringSSL. */
function refusal({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_HTTP_REQUEST':
      return 'it does not speak TLS, and this port does: write mqtts:// for mqtt://'
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL':
      return 'its newest TLS is 1.1: 1.2 is the oldest supported'
    case 'ERR_SSL_NO_SHARED_CIPHER':
      return 'it offers none of the ciphers supported here: those of TLS 1.3, and for 1.2 ECDHE with AES-GCM or ChaCha20'
    case 'ERR_TLS_HANDSHAKE_TIMEOUT':
      return `no TLS handshake within ${limits.connect_timeout} s`
    case 'ECONNRESET':
      return 'it disconnected during the TLS handshake, as clients do that do not trust the certificate'
    default:
      return code?.includes('ALERT')
        ? `it rejects the certificate (${code})`
        : `TLS failed (${code ?? message})`
  }
}

async function opened<S extends Server>(server: S, { host, port }: Listen): Promise<S> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, resolve)
    })
  } catch (error) {
    throw await portError(host, port, error)
  }
  return server
}

function prepared<S extends Socket>(socket: S): S {
  socket.setNoDelay(true)
  // A host without power or network sends nothing; TCP keep-alive detects the loss of clients that have no
  // MQTT keep-alive.
  socket.setKeepAlive(true, limits.silence * 1000)
  return socket
}

function fromOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return hostPort(remoteAddress, remotePort)
}
