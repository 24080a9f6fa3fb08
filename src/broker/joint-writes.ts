import type { Duplex } from 'node:stream'

/**
 * Sends what is written to a connection in one turn of the event loop by one system call: a hub's dearest part is writing
 * to sockets, and Aedes writes each packet by itself (decision 0019).
 */
export function writeJointly<C extends Duplex>(conn: C): C {
  const write = conn.write.bind(conn) as (...args: unknown[]) => boolean
  let waiting = false
  const send = () => {
    waiting = false
    conn.uncork()
  }
  conn.write = (...args: unknown[]) => {
    if (!waiting) {
      waiting = true
      conn.cork()
      setImmediate(send)
    }
    return write(...args)
  }
  // A hub that stops destroys its connections: what it has acknowledged is on its way by then.
  const destroy = conn.destroy.bind(conn)
  conn.destroy = (error) => {
    while (conn.writableCorked > 0) conn.uncork()
    return destroy(error)
  }
  return conn
}
