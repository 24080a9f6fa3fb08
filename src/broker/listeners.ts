import type { Server } from 'node:net'
import { hostPort } from '../core/host-port.ts'
import { portError } from '../machine/port-in-use.ts'
import type { Connections } from './connections.ts'
import { type Listen, listenTcp } from './tcp.ts'
import { serveWebSocket } from './websocket.ts'

/** The ports of a hub: MQTT over TCP and over WebSocket. */
export class Listeners {
  readonly #connections: Connections
  readonly #servers: Server[] = []
  #web: ReturnType<typeof serveWebSocket> | undefined
  /** Where MQTT over TCP is served, and over WebSocket, as URLs with the ports that were taken. */
  readonly mqtt: string[] = []
  ws = ''

  constructor(connections: Connections) {
    this.#connections = connections
  }

  /** @throws ConfigError for a port in use; close it then, too */
  async open(listen: readonly Listen[], websocket: Listen & { readonly path: string }): Promise<void> {
    for (const at of listen) await this.#openTcp(at)
    await this.#openWebSocket(websocket)
  }

  /** Takes no more connections, and closes the ports once `end` has ended those there are. */
  async close(end: () => Promise<void>): Promise<void> {
    const closed = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)))
    await end()
    await Promise.all([...closed, this.#web?.stop(true)])
  }

  async #openTcp(at: Listen): Promise<void> {
    const connections = this.#connections
    const server = await listenTcp(
      at,
      () => connections.room(),
      (conn, from) => connections.take(conn, from),
    )
    this.#servers.push(server)
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    this.mqtt.push(`mqtt://${hostPort(at.host, port)}`)
  }

  async #openWebSocket({ host, port, path }: Listen & { readonly path: string }): Promise<void> {
    const connections = this.#connections
    try {
      this.#web = serveWebSocket({
        host,
        port,
        path,
        room: () => connections.room(),
        take: (conn, from) => connections.take(conn, from),
      })
    } catch (error) {
      throw await portError(host, port, error)
    }
    this.ws = `ws://${hostPort(host, this.#web.port ?? port)}${path}`
  }
}
