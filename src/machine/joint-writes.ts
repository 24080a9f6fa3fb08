import type { Duplex } from 'node:stream'

/** The most bytes gathered before they go to the connection, which counts its unread data. */
const MOST = 64 * 1024
/** Up to this many bytes nobody waits for the data: acknowledgements, keep-alive packets. */
const SMALL = 32

/**
 * Sends all data that is written to a connection in one turn of the event loop in one piece: writing to a
 * socket is the most expensive part of a message, and Aedes and mqtt.js write each packet separately, in four
 * to six parts (decisions 0019 and 0030).
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
  /**
   * Aedes acknowledges a message first and forwards it in a later turn. Small data, such as the
   * acknowledgement, waits, so that the message goes out first: its readers are waiting for it.
   */
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
  // mqtt-packet would use this to join each packet's parts, with a callback for each.
  Object.assign(conn, { cork: undefined })
  // A role that stops ends and destroys its connections: its acknowledgements must be sent before.
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
