import { connect, type Socket } from 'node:net'
import { TransportError } from '../../core/errors.ts'
import { hostPort } from '../../core/host-port.ts'
import type { Transport } from './byte-stream.ts'
import { noConnection, stopped, systemFailure } from './failures.ts'
import { Loss } from './loss.ts'

/** Options of `openTcp`. */
export interface TcpOptions {
  /** ms to wait for the connection, 3000 by default. */
  readonly connectTimeout?: number
  readonly signal?: AbortSignal
}

/** Idle time in ms after which the system asks whether the other end is still there. */
const keepAliveDelay = 10_000

/**
 * Connects to an instrument on TCP, without Nagle's delay. A silent host is given up after `connectTimeout`,
 * because the system's own limit is minutes.
 * @throws TransportError if it cannot be reached, or the signal aborts
 */
export function connectTcp(host: string, port: number, options: TcpOptions = {}): Promise<Socket> {
  const { connectTimeout = 3000, signal } = options
  const name = hostPort(host, port)
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveDelay,
    })
    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
    const fail = (error: Error) => {
      end()
      socket.destroy()
      reject(error)
    }
    const abort = () => signal && fail(stopped(name, signal))
    const timer = setTimeout(() => fail(noConnection(name, connectTimeout)), connectTimeout)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) return void abort()
    // This listener stays for good: an error without a listener would end the program.
    socket.on('error', (error) => fail(systemFailure(name, error, crowded)))
    socket.once('connect', () => {
      end()
      resolve(socket)
    })
  })
}

/** What the error may also mean for an instrument with one socket per client. */
const CLIENTS = 'once it serves all the clients it can (a Lake Shore 372: two)'
const crowded = {
  ECONNREFUSED: `connection refused, or no way to it: is the cable in, and the address right? An instrument also refuses ${CLIENTS}`,
  ECONNRESET: `it closed the connection: an instrument does so when it restarts, or ${CLIENTS}`,
}

/** Calls `listener` when the other end is gone, with the first reason; a `Loss` ignores any further calls. */
export function onLoss(socket: Socket, name: string, listener: (reason: Error) => void): void {
  socket.on('error', (error) => listener(systemFailure(name, error, crowded)))
  socket.on('close', () => listener(new TransportError(`${name}: it closed the connection`)))
}

/**
 * A line to an instrument on TCP; see `connectTcp`. @throws TransportError if it cannot be reached, or the
 * signal aborts
 */
export async function openTcp(host: string, port: number, options: TcpOptions = {}): Promise<Transport> {
  const name = hostPort(host, port)
  const socket = await connectTcp(host, port, options)
  const loss = new Loss(name)
  onLoss(socket, name, (why) => {
    if (loss.tell(why)) socket.destroy()
  })
  return {
    name,
    write: (bytes) =>
      new Promise((done, refuse) => {
        if (loss.over) return refuse(loss.over)
        socket.write(bytes, (error) => (error ? refuse(systemFailure(name, error, crowded)) : done()))
      }),
    onData: (next) => socket.on('data', next),
    onClose: loss.onClose,
    close: () =>
      new Promise((done) => {
        if (!loss.close() || socket.closed) return done()
        socket.once('close', () => done())
        socket.destroy()
      }),
  }
}
