import { connect } from 'node:net'
import { messageOf, TransportError } from '../core/errors.ts'
import type { Transport } from './transport.ts'

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

function lost(name: string, error: Error & { code?: string }): TransportError {
  return new TransportError(`${name}: ${advice[error.code ?? ''] ?? messageOf(error)}`, { cause: error })
}

/**
 * Connects to an instrument by TCP, without Nagle's delay. A host that stays silent is given up after `connectTimeout`:
 * the system's own limit is minutes.
 * @throws TransportError if it cannot be reached, or the signal aborts.
 */
export function openTcp(host: string, port: number, options: TcpOptions = {}): Promise<Transport> {
  const { connectTimeout = 3000, signal } = options
  const name = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveDelay,
    })
    let reason: Error | undefined
    let closing = false
    let listener: ((reason: Error) => void) | undefined
    const fail = (error: Error) => {
      if (reason || closing) return
      reason = error
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      socket.destroy()
      reject(error)
      listener?.(error)
    }
    const abort = () =>
      fail(new TransportError(`${name}: stopped while connecting`, { cause: signal?.reason }))
    const timer = setTimeout(() => {
      const seconds = connectTimeout / 1000
      fail(
        new TransportError(
          `no answer from ${name} in ${seconds} s: is the instrument on, and its address right?`,
        ),
      )
    }, connectTimeout)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) return abort()
    socket.on('error', (error) => fail(lost(name, error)))
    socket.on('close', () => fail(new TransportError(`${name}: it closed the connection`)))
    socket.once('connect', () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      resolve({
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
      })
    })
  })
}
