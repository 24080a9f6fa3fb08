import { connect, type Socket } from 'node:net'
import { messageOf, TransportError } from '../../core/errors.ts'
import type { Transport } from './byte-stream.ts'

/** How `openTcp` connects. */
export interface TcpOptions {
  /** ms to wait for the connection, 3000 by default. */
  readonly connectTimeout?: number
  readonly signal?: AbortSignal
}

/** Idle time in ms after which the system asks whether the other end is still there. */
const keepAliveDelay = 10_000

const advice: Readonly<Record<string, string>> = {
  ECONNREFUSED:
    'connection refused: is the address right? An instrument also refuses once it serves all the clients it can (a Lake Shore 372: two)',
  ECONNRESET:
    'it closed the connection: an instrument does so when it restarts, or serves all the clients it can (a Lake Shore 372: two)',
  ENOTFOUND: 'no such host: is its name right?',
  EHOSTUNREACH: 'no route to it: is the network cable in, and the address right?',
  ENETUNREACH: 'no route to it: is the network up, and the address right?',
}

/** What to do about a system error, where that is known. */
export const adviceFor = (error: { code?: string }): string | undefined => advice[error.code ?? '']

/** ms after which a host that is not there is looked for again: one packet, and a cable put back should not wait. */
const absentRetryMs = 1000
const absent = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT'])

function lost(name: string, error: Error & { code?: string }): TransportError {
  const retry = absent.has(error.code ?? '') && { retryMs: absentRetryMs }
  return new TransportError(`${name}: ${adviceFor(error) ?? messageOf(error)}`, { cause: error, ...retry })
}

/** `HOST:PORT`, as messages name it. */
export const hostPort = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

/**
 * Connects to an instrument by TCP, without Nagle's delay. A host that stays silent is given up after `connectTimeout`:
 * the system's own limit is minutes.
 * @throws TransportError if it cannot be reached, or the signal aborts.
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
    const abort = () =>
      fail(new TransportError(`${name}: stopped while connecting`, { cause: signal?.reason }))
    const timer = setTimeout(() => {
      const seconds = connectTimeout / 1000
      fail(
        new TransportError(
          `no answer from ${name} in ${seconds} s: is the instrument on, and its address right?`,
          { retryMs: absentRetryMs },
        ),
      )
    }, connectTimeout)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) return abort()
    // Stays for good: an error that nobody listens for would end the program.
    socket.on('error', (error) => fail(lost(name, error)))
    socket.once('connect', () => {
      end()
      resolve(socket)
    })
  })
}

/** Calls `listener` once the other end is gone, with the reason; never after one's own `socket.destroy()`. */
export function onLoss(socket: Socket, name: string, listener: (reason: Error) => void): void {
  let told = false
  const tell = (reason: Error) => {
    if (told) return
    told = true
    listener(reason)
  }
  socket.on('error', (error) => tell(lost(name, error)))
  socket.on('close', () => tell(new TransportError(`${name}: it closed the connection`)))
}

/** A line to an instrument by TCP; see `connectTcp`. @throws TransportError if it cannot be reached, or the signal aborts. */
export async function openTcp(host: string, port: number, options: TcpOptions = {}): Promise<Transport> {
  const name = hostPort(host, port)
  const socket = await connectTcp(host, port, options)
  let reason: Error | undefined
  let closing = false
  let listener: ((reason: Error) => void) | undefined
  onLoss(socket, name, (why) => {
    if (closing) return
    reason = why
    socket.destroy()
    listener?.(why)
  })
  return {
    name,
    write: (bytes) =>
      new Promise((done, refuse) => {
        if (reason || closing) return refuse(reason ?? new TransportError(`${name}: closed`))
        socket.write(bytes, (error) => (error ? refuse(lost(name, error)) : done()))
      }),
    onData: (next) => socket.on('data', next),
    onClose: (next) => {
      listener = next
      if (reason) next(reason)
    },
    close: () =>
      new Promise((done) => {
        if (socket.closed || reason || closing) return done()
        closing = true
        socket.once('close', () => done())
        socket.destroy()
      }),
  }
}
