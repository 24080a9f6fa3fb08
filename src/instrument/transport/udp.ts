import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { hostPort } from '../../core/host-port.ts'
import type { Transport } from './byte-stream.ts'
import { systemFailure } from './failures.ts'
import { Loss } from './loss.ts'

/**
 * A line to an instrument on UDP: a datagram per command, and each datagram received is a line, terminated or
 * not. Other hosts are ignored. If nobody listens on the port, the first command shows that as a loss.
 * @throws TransportError if the host's name cannot be resolved
 */
export async function openUdp(host: string, port: number): Promise<Transport> {
  const name = hostPort(host, port)
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  const lost = (error: Error) => systemFailure(name, error, { ECONNREFUSED: 'nothing listens there' })
  const loss = new Loss(name)
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close()
      reject(lost(error))
    })
    socket.connect(port, host, () => {
      socket.removeAllListeners('error')
      resolve()
    })
  })
  const lose = (error: Error) => {
    if (loss.tell(lost(error))) socket.close()
  }
  socket.on('error', lose)
  return {
    name,
    write: (bytes) =>
      new Promise((done, refuse) => {
        if (loss.over) return refuse(loss.over)
        socket.send(bytes, (error) => {
          if (error) lose(error)
          error ? refuse(loss.over ?? lost(error)) : done()
        })
      }),
    onData: (next) =>
      void socket.on('message', (bytes) =>
        next(bytes.at(-1) === 10 ? bytes : Buffer.concat([bytes, Buffer.from('\n')])),
      ),
    onClose: loss.onClose,
    close: async () => {
      if (loss.close()) socket.close()
    },
  }
}
