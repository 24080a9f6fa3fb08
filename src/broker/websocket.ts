import { Duplex } from 'node:stream'
import { hostPort, isLoopback } from '../core/host-port.ts'
import { mayAsk } from '../machine/host-header.ts'
import type { KeyPair } from '../principals/certificate.ts'
import { namesIn } from '../principals/hub-keys.ts'
import { webTls } from '../principals/web-tls.ts'
import { CALL_PATH, type Http, INFO_PATH } from './http-calls.ts'
import { limits } from './limits.ts'

/** Where MQTT over WebSocket is served, and what takes the connections. */
export interface WebSocketOptions {
  readonly host: string
  /** Port 0 takes any free one. */
  readonly port: number
  /** The certificate for TLS. */
  readonly keys?: KeyPair | undefined
  /** Answers calls over HTTP; without it there are none. */
  readonly http?: Http | undefined
  /** Counts a new connection; one above the limits is closed at once. */
  enter(conn: Duplex, from: string): boolean
  take(conn: Duplex, from: string): void
}
/** Where MQTT is served. */
export const WS_PATH = '/ws'

type Socket = Bun.ServerWebSocket<{ conn?: Connection }>

/**
 * Serves MQTT over WebSocket (MQTT 3.1.1 §6), subprotocol `mqtt`, and calls over HTTP. A web page of another
 * origin is refused: browsers let every page connect to this machine, and send the page's origin with it.
 */
export function serveWebSocket({ host, port, keys, http, enter, take }: WebSocketOptions): Bun.Server<{
  conn?: Connection
}> {
  const names = keys ? namesIn(keys.cert) : []
  return Bun.serve<{ conn?: Connection }>({
    hostname: host,
    port,
    ...(keys && { tls: webTls(keys) }),
    development: false,
    // Outside development mode Bun would share the port with another process that listens on it.
    reusePort: false,
    idleTimeout: limits.connect_timeout,
    maxRequestBodySize: http ? limits.call_bytes : limits.connect_bytes,
    fetch(request, server) {
      // The URL is only a path if a request's Host is empty.
      if (!URL.canParse(request.url)) return text(400, 'the request names no Host')
      // A page of another site cannot read the answer, but can measure how long it takes.
      if (request.headers.get('sec-fetch-site') === 'cross-site')
        return text(403, 'web pages of other sites are not served')
      const { pathname } = new URL(request.url)
      const isCall = http !== undefined && (pathname === CALL_PATH || pathname === INFO_PATH)
      if (pathname !== WS_PATH && !isCall)
        return text(404, `MQTT over WebSocket is at ${WS_PATH}, calls of OCS's clients are at ${CALL_PATH}`)
      if (!isCall && request.headers.get('upgrade')?.toLowerCase() !== 'websocket') {
        return text(426, 'MQTT over WebSocket only', { Upgrade: 'websocket' })
      }
      const wrong = refuseOrigin(
        { listen: host, names, isNamed: keys !== undefined },
        request.headers.get('host'),
        request.headers.get('origin'),
      )
      if (wrong !== undefined) return text(403, wrong)
      if (isCall) {
        const { address = '', port: at = 0 } = server.requestIP(request) ?? {}
        // An operation may take long.
        server.timeout(request, 0)
        // The connection outlives the request: silent ones would stay for ever.
        return http(request, hostPort(address, at)).finally(() =>
          server.timeout(request, limits.connect_timeout),
        )
      }
      const offered = (request.headers.get('sec-websocket-protocol') ?? '')
        .split(',')
        .map((word) => word.trim())
      const protocol = ['mqtt', 'mqttv3.1'].find((name) => offered.includes(name))
      if (protocol === undefined) return text(400, 'the WebSocket subprotocol here is "mqtt"')
      const headers = { 'Sec-WebSocket-Protocol': protocol }
      if (server.upgrade(request, { data: {}, headers })) return undefined
      return text(400, 'not a WebSocket handshake')
    },
    websocket: {
      // A frame may hold a whole packet and its header.
      maxPayloadLength: limits.packet_bytes + 5,
      // Bun pings silent clients before this; liveness is checked by MQTT's keep-alive, for clients that have
      // one.
      idleTimeout: 2 * limits.silence,
      sendPings: true,
      perMessageDeflate: false,
      backpressureLimit: limits.owed_bytes,
      closeOnBackpressureLimit: true,
      open(ws) {
        const conn = new Connection(ws)
        if (!enter(conn, ws.remoteAddress)) return
        ws.data.conn = conn
        take(conn, ws.remoteAddress)
      },
      message(ws, message) {
        ws.data.conn?.arrived(message)
      },
      drain(ws) {
        ws.data.conn?.drained()
      },
      close(ws) {
        ws.data.conn?.ended()
      },
    },
  })
}

/**
 * Why a handshake with these headers is refused; undefined if it is accepted. On loopback, and with a
 * certificate that lists the names, `Host` must be one of this machine's names (a page whose name was
 * re-pointed here sends its own). An `Origin`, which browsers send, must be the same host, and one of this
 * machine's names: an address, its host name, or one of its certificate.
 */
export function refuseOrigin(
  {
    listen,
    names = [],
    isNamed = false,
  }: { readonly listen: string; readonly names?: readonly string[]; readonly isNamed?: boolean },
  host: string | null,
  origin: string | null,
): string | undefined {
  const isHere = isLoopback(listen)
  const known = mayAsk(host ?? undefined, { listen, open: !isHere, names })
  if ((isHere || isNamed) && !known) return 'the Host header is not a name of this machine'
  if (origin === null || (known && URL.parse(origin)?.host === host)) return undefined
  return 'web pages of another origin may not connect'
}

/** A WebSocket as the byte stream that the broker reads; message boundaries mean nothing (MQTT 3.1.1 §6). */
class Connection extends Duplex {
  readonly #ws: Socket
  #sent: (() => void) | undefined

  constructor(ws: Socket) {
    super()
    this.#ws = ws
  }

  arrived(message: string | Buffer): void {
    if (this.destroyed) return
    if (typeof message === 'string') {
      this.destroy(new Error('it sent a text frame; MQTT takes binary frames'))
      return
    }
    // Bun's WebSocket cannot be paused, so the data that the broker has not read yet is bounded here.
    if (this.readableLength + message.length > 2 * limits.packet_bytes) {
      this.destroy(new Error('it sends too fast'))
      return
    }
    this.push(Buffer.from(message))
  }

  drained(): void {
    const sent = this.#sent
    this.#sent = undefined
    sent?.()
  }

  ended(): void {
    if (this.destroyed) return
    this.push(null)
    this.destroy()
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    const status = this.#ws.send(chunk)
    if (status === 0) done(new Error('the WebSocket is closed'))
    else if (status < 0) this.#sent = done
    else done()
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error) => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'binary' as BufferEncoding, done)
  }

  override _final(done: () => void): void {
    this.#ws.close()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // Data already written is still sent, unless the other end has stopped reading.
    if (this.#ws.getBufferedAmount() > 0) this.#ws.terminate()
    else this.#ws.close()
    done(error)
  }
}

function text(status: number, body: string, headers: Record<string, string> = {}): Response {
  return new Response(`${body}\n`, { status, headers })
}
