import type { Duplex } from 'node:stream'
import { limits } from './limits.ts'

/**
 * Stands between a connection and the broker, on the connection itself:
 * - a read hands out all that is buffered. On Bun ≥ 1.4 and Node ≥ 26 (nodejs/node#60441) a stream's `read()` returns one
 *   buffer at a time; Aedes reads again from inside its parser, which then parses across the seam and dies;
 * - until the client is admitted, the broker gets the first packet alone: what a client sends behind its CONNECT waits in
 *   the stream, where it is bounded, while the log-in is decided (Aedes would queue 42 packets and cut the client);
 * - a packet that announces more than the limits is cut on its length field, before any of it is kept;
 * - a write never reports back-pressure, for which Aedes would make every other client wait (its `drainTimeout`).
 *   A connection that owes more than `limits.owed_bytes` is cut instead.
 */
export function shield<C extends Duplex>(conn: C, admitted: () => boolean): C {
  const read = conn.read.bind(conn)
  const write = conn.write.bind(conn) as (...args: unknown[]) => boolean
  const follow = packetGuard()
  let first = true
  let held: Buffer[] = []

  conn.read = (size?: number) => {
    if (size !== undefined && size !== null) return read(size)
    if (!first && !admitted()) return null
    const parts = held
    held = []
    for (let part: Buffer | null = read(); part !== null; part = read()) {
      const { refused, end } = follow(part)
      if (refused !== undefined) {
        conn.destroy(new Error(refused))
        return null
      }
      if (end !== undefined && !admitted()) {
        first = false
        parts.push(part.subarray(0, end))
        if (end < part.length) held.push(part.subarray(end))
        break
      }
      parts.push(part)
    }
    if (parts.length === 0 || conn.destroyed) return null
    return parts.length === 1 ? parts[0] : Buffer.concat(parts)
  }

  conn.write = (...args: unknown[]) => {
    write(...args)
    if (conn.writableLength > limits.owed_bytes && !conn.destroyed) {
      conn.destroy(new Error(`it has not read ${(conn.writableLength / 1e6).toFixed(1)} MB sent to it`))
    }
    return true
  }
  return conn
}

/**
 * Follows the packets of one connection by their fixed headers (MQTT 3.1.1 §2.2). Takes bytes in pieces of any size;
 * answers with the reason when a packet announces more than it may, and with where in this piece the first packet ended.
 */
export function packetGuard(): (bytes: Uint8Array) => { refused?: string; end?: number } {
  let most: number = limits.connect_bytes
  /** Bytes of the present packet that are still to come; its header is being read when 0. */
  let rest = 0
  let inLength = false
  let length = 0
  let scale = 1
  return (bytes) => {
    let at = 0
    let end: number | undefined
    const ended = () => {
      if (most === limits.connect_bytes) end = at
      most = limits.packet_bytes
    }
    while (at < bytes.length) {
      if (rest > 0) {
        const step = Math.min(rest, bytes.length - at)
        rest -= step
        at += step
        if (rest === 0) ended()
        continue
      }
      const byte = bytes[at++] ?? 0
      if (!inLength) {
        inLength = true
        length = 0
        scale = 1
        continue
      }
      length += (byte & 0x7f) * scale
      scale *= 128
      if (length > most) {
        return {
          refused: `it announced a packet of ${length} bytes or more; ${most} is the most that is taken here`,
        }
      }
      if (byte & 0x80) {
        if (scale >= 128 ** 4) return { refused: 'it sent a packet length of more than four bytes' }
        continue
      }
      inLength = false
      rest = length
      if (rest === 0) ended()
    }
    return end === undefined ? {} : { end }
  }
}
