import type { Server } from 'node:net'
import type { Server as TlsServer } from 'node:tls'
import { hostPort } from '../core/host-port.ts'
import { portError } from '../machine/port-in-use.ts'
import type { KeyPair } from '../principals/certificate.ts'
import type { Http } from './http-calls.ts'
import { contextOf, type Listen, listenTcp, listenTls, type Taker } from './tcp.ts'
import { serveWebSocket, WS_PATH } from './websocket.ts'

type WebServer = ReturnType<typeof serveWebSocket>

/** The ports of a hub: MQTT over TCP and over WebSocket, plain and over TLS. */
export class Listeners {
  readonly #taker: Taker
  readonly #servers: Server[] = []
  readonly #secure: TlsServer[] = []
  readonly #web: { readonly at: Listen; server: WebServer }[] = []
  /** Servers with an earlier certificate; their connections go on. */
  readonly #former: WebServer[] = []
  #keys: KeyPair | undefined
  readonly #http: Http | undefined
  /** The URLs of MQTT over TCP and over WebSocket, with the actual ports. */
  readonly mqtt: string[] = []
  readonly ws: string[] = []

  constructor(taker: Taker, keys: KeyPair | undefined, http?: Http) {
    this.#taker = taker
    this.#http = http
    this.#keys = keys
  }

  /** @throws ConfigError for a port in use; call `close` in that case, too */
  async open(listen: readonly Listen[], websocket: readonly Listen[]): Promise<void> {
    for (const at of listen) await this.#openTcp(at)
    for (const at of websocket) await this.#openWebSocket(at)
  }

  /** Uses another certificate for new connections; existing ones stay. */
  renew(keys: KeyPair): void {
    this.#keys = keys
    for (const server of this.#secure) server.setSecureContext(contextOf(keys))
    for (const one of this.#web.filter(({ at }) => at.tls)) {
      // Bun's reload keeps the old certificate. No client is missed between these two lines: nothing else
      // runs.
      void one.server.stop(false)
      this.#former.push(one.server)
      one.server = this.#serve(one.at)
    }
  }

  /** Accepts no more connections, and closes the ports once `end` has ended the existing ones. */
  async close(end: () => Promise<void>): Promise<void> {
    const closed = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)))
    await end()
    const web = [...this.#former, ...this.#web.map(({ server }) => server)]
    await Promise.all([...closed, ...web.map((server) => server.stop(true))])
  }

  async #openTcp(at: Listen): Promise<void> {
    const secure = at.tls && this.#keys ? await listenTls(at, this.#keys, this.#taker) : undefined
    const server = secure ?? (await listenTcp(at, this.#taker))
    if (secure) this.#secure.push(secure)
    this.#servers.push(server)
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    this.mqtt.push(`${secure ? 'mqtts' : 'mqtt'}://${hostPort(at.host, port)}`)
  }

  async #openWebSocket(at: Listen): Promise<void> {
    try {
      const server = this.#serve(at)
      // A stopped server no longer knows its port.
      this.#web.push({ at: { ...at, port: server.port ?? at.port }, server })
      this.ws.push(`${at.tls ? 'wss' : 'ws'}://${hostPort(at.host, server.port ?? at.port)}${WS_PATH}`)
    } catch (error) {
      throw await portError(at.host, at.port, error)
    }
  }

  #serve(at: Listen): WebServer {
    const { enter, take } = this.#taker
    return serveWebSocket({ ...at, enter, take, http: this.#http, keys: at.tls ? this.#keys : undefined })
  }
}
