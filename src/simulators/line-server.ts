import { createServer, type Server, type Socket } from 'node:net'
import { UsageError } from '../core/errors.ts'
import { splitHostPort } from '../core/host-port.ts'
import { portError } from '../machine/port-in-use.ts'
import { openPty } from './pty.ts'

/** One reader's connection, as the instrument sees it. */
export interface Client {
  send(bytes: Uint8Array): void
  /** No more lines will come; replies in progress are pointless. */
  readonly gone: AbortSignal
}

/** Receives each line of a client, without its end; empty lines are ignored. */
type OnLine = (client: Client, line: string) => void

/** A link on which an instrument is served. */
export interface Link {
  /** `tcp://127.0.0.1:7777` or `serial:/dev/pts/3`. */
  readonly url: string
  /** Breaks the link: TCP connections are reset and the port refuses, a pty vanishes. */
  cut(): Promise<void>
  /** Restores the link, at the same address if possible. */
  restore(): Promise<void>
  close(): Promise<void>
}

/** Maximum length of a line; a longer one is discarded. */
const lineLimit = 1024

/**
 * Serves lines on a pseudo-terminal, at the symbolic link `link` if given. It has one client for ever, since
 * opening a pty cannot be detected.
 */
export function servePty(link: string | undefined, onLine: OnLine): Link {
  let generation = new AbortController()
  let feed = splitLines()
  const pty = openPty({
    ...(link === undefined ? {} : { link }),
    onData: (bytes) => {
      const client = { send: (reply: Uint8Array) => pty.write(reply), gone: generation.signal }
      for (const line of feed(bytes)) onLine(client, line)
    },
  })
  const stop = (): void => {
    generation.abort()
    generation = new AbortController()
    feed = splitLines()
  }
  return {
    get url() {
      return `serial:${pty.path}`
    },
    async cut() {
      stop()
      await pty.vanish()
    },
    async restore() {
      pty.comeBack()
    },
    async close() {
      stop()
      await pty.close()
    },
  }
}

/**
 * Serves lines on TCP, to `maxClients` at a time; a further one is reset at once.
 * @param address `HOST:PORT`; port 0 takes any free one.
 * @throws UsageError for an invalid address, ConfigError if it cannot be listened on
 */
export async function serveTcp(address: string, maxClients: number, onLine: OnLine): Promise<Link> {
  const [host, port] = hostAndPort(address)
  const sockets = new Set<Socket>()
  const accept = (socket: Socket): void => {
    if (sockets.size >= maxClients) {
      socket.on('error', () => {})
      socket.resetAndDestroy()
      return
    }
    sockets.add(socket)
    socket.setNoDelay(true)
    const gone = new AbortController()
    const feed = splitLines()
    const client = {
      // A reader that does not read for so long receives nothing more, as with an instrument's small buffer.
      send: (bytes: Uint8Array) => void (socket.writableLength < 1 << 20 && socket.write(bytes)),
      gone: gone.signal,
    }
    socket.on('data', (chunk) => {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk
      for (const line of feed(bytes)) onLine(client, line)
    })
    socket.on('error', () => {}) // 'close' follows
    socket.on('close', () => {
      sockets.delete(socket)
      gone.abort()
    })
  }
  let server: Server | undefined = await listen(host, port, accept)
  let closed = false
  const bound = server.address()
  const boundPort = bound && typeof bound === 'object' ? bound.port : port
  const cut = async (): Promise<void> => {
    const old = server
    server = undefined
    for (const socket of sockets) socket.resetAndDestroy()
    if (old) await new Promise<void>((resolve) => old.close(() => resolve()))
  }
  return {
    url: `tcp://${host.includes(':') ? `[${host}]` : host}:${boundPort}`,
    cut,
    async restore() {
      if (server || closed) return
      const next = await listen(host, boundPort, accept)
      if (closed) next.close()
      else server = next
    },
    async close() {
      closed = true
      await cut()
    },
  }
}

/** Advice if a port is in use. */
export const TCP_REMEDY = 'stop it, or choose another with --tcp HOST:PORT'

function listen(host: string, port: number, accept: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(accept)
    server.once('error', (error) => void portError(host, port, error, TCP_REMEDY).then(reject))
    server.listen(port, host, () => resolve(server))
  })
}

/** Splits `HOST:PORT`; without a host it is 127.0.0.1. @throws UsageError for anything else */
export function hostAndPort(address: string): [host: string, port: number] {
  const found = splitHostPort(address)
  if (!found) throw new UsageError(`address "${address}": give HOST:PORT, such as 127.0.0.1:7777`)
  return [found.host ?? '127.0.0.1', found.port]
}

/**
 * Takes bytes as they come and returns the complete lines: LF, CR or both, trimmed, without empty or endless
 * ones.
 */
export function splitLines(): (bytes: Uint8Array) => string[] {
  const decoder = new TextDecoder('latin1')
  let pending = ''
  let skipping = false
  return (bytes) => {
    const parts = (pending + decoder.decode(bytes, { stream: true })).split(/[\r\n]/)
    pending = parts.pop() ?? ''
    if (skipping && parts.length > 0) {
      parts.shift()
      skipping = false
    }
    if (pending.length > lineLimit) {
      pending = ''
      skipping = true
    }
    return parts.map((line) => line.trim()).filter((line) => line !== '' && line.length <= lineLimit)
  }
}
