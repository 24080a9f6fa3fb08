import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { hostPort } from './address.ts'
import type { Transport } from './byte-stream.ts'
import { closedHere, systemFailure } from './failures.ts'

/**
 * A line to an instrument by UDP: a datagram a command, and each datagram from there is a line, ended or not. Nothing is
 * heard from other hosts. That a port has nobody behind it shows at the first command, as a loss.
 * @throws TransportError if the host's name cannot be found
 */
export async function openUdp(host: string, port: number): Promise<Transport> {
  const name = hostPort(host, port)
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  const lost = (error: Error) => systemFailure(name, error, { ECONNREFUSED: 'nothing listens there' })
  let reason: Error | undefined
  let listener: ((reason: Error) => void) | undefined
  let closed = false
  const close = () => {
    if (!closed) socket.close()
    closed = true
  }
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => {
      close()
      reject(lost(error))
    })
    socket.connect(port, host, () => {
      socket.removeAllListeners('error')
      resolve()
    })
  })
  const lose = (error: Error) => {
    if (reason || closed) return
    reason = lost(error)
    close()
    listener?.(reason)
  }
  socket.on('error', lose)
  return {
    name,
    write: (bytes) =>
      new Promise((done, refuse) => {
        if (closed) return refuse(reason ?? closedHere(name))
        socket.send(bytes, (error) => {
          if (error) lose(error)
          error ? refuse(reason ?? lost(error)) : done()
        })
      }),
    onData: (next) =>
      void socket.on('message', (bytes) =>
        next(bytes.at(-1) === 10 ? bytes : Buffer.concat([bytes, Buffer.from('\n')])),
      ),
    onClose: (next) => {
      listener = next
      if (reason) next(reason)
    },
    close: async () => close(),
  }
}
