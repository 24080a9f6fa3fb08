import type { Duplex } from 'node:stream'

/** Bytes that are kept together at most before they go to the connection, which counts what its client owes. */
const MOST = 64 * 1024
/** Bytes for which nobody waits: acknowledgements of messages, signs of life. */
const SMALL = 32

/**
 * Sends what is written to a connection in one turn of the event loop as one piece: the dearest part of a message is writing
 * it to a socket, and Aedes and mqtt.js write each packet by itself, in four to six parts (decisions 0019 and 0030).
 */
export function writeJointly<C extends Duplex>(conn: C): C {
  const write = conn.write.bind(conn) as (bytes: Buffer) => boolean
  let parts: Buffer[] = []
  let bytes = 0
  let waiting = false
  const send = () => {
    if (parts.length === 0) return
    const [only = Buffer.alloc(0)] = parts
    const all = parts.length === 1 ? only : Buffer.concat(parts, bytes)
    parts = []
    bytes = 0
    write(all)
  }
  const sendLater = () => {
    waiting = false
    if (!conn.destroyed) send()
  }
  /** Aedes acknowledges a message first and passes it on in a turn of its own: that goes first, somebody waits for it. */
  const sendSoon = () => {
    if (bytes > SMALL) sendLater()
    else setImmediate(() => setImmediate(sendLater))
  }
  conn.write = (chunk: Buffer | string) => {
    const part = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    parts.push(part)
    bytes += part.length
    if (bytes >= MOST) send()
    else if (!waiting) {
      waiting = true
      setImmediate(sendSoon)
    }
    return !conn.writableNeedDrain
  }
  // mqtt-packet would put each packet's parts together by these, with a callback of its own for each.
  Object.assign(conn, { cork: undefined })
  // Who stops ends and destroys its connections: what it has acknowledged is on its way by then.
  const destroy = conn.destroy.bind(conn)
  conn.destroy = (error) => {
    if (!conn.destroyed) send()
    return destroy(error)
  }
  const end = conn.end.bind(conn) as (...args: unknown[]) => C
  conn.end = (...args: unknown[]) => {
    send()
    return end(...args)
  }
  return conn
}
