import { createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { hostPort } from '../core/host-port.ts'
import { portError } from '../machine/port-in-use.ts'

/** Where to listen; port 0 takes any free one. */
export interface Listen {
  readonly host: string
  readonly port: number
}

/**
 * Serves MQTT over TCP.
 * @throws ConfigError for a port in use
 */
export async function listenTcp(
  { host, port }: Listen,
  room: () => boolean,
  take: (conn: Duplex, from: string) => void,
): Promise<Server> {
  const server = createServer((socket: Socket) => {
    if (!room()) {
      socket.destroy()
      return
    }
    socket.setNoDelay(true)
    take(socket, hostPort(socket.remoteAddress ?? '', socket.remotePort ?? 0))
  })
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
