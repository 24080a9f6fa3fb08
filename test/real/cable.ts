import { connect, createServer, type Server, type Socket } from 'node:net'

/**
 * A cable between a client and a port of this machine, which can be pulled: data sent then reach nobody, and
 * neither end is told.
 */
export class Cable implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #pulled = false

  /** @param to the port at the other end */
  constructor(to: number) {
    this.#server = createServer((near) => {
      const far = connect(to, '127.0.0.1')
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(socket)
        socket.on('data', (bytes) => {
          if (!this.#pulled) other.write(bytes)
        })
        socket.on('error', () => {})
        socket.on('close', () => {
          this.#sockets.delete(socket)
          // A pulled cable transmits no end of the connection.
          if (!this.#pulled) other.destroy()
        })
      }
    })
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve) => this.#server.listen(port, '127.0.0.1', resolve))
  }

  pull(): void {
    this.#pulled = true
  }

  /** Plugs it in again; earlier connections are dead by then. */
  plug(): void {
    this.#pulled = false
    for (const socket of this.#sockets) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
