import type { Duplex } from 'node:stream'
import { limits } from './limits.ts'
import type { ReadBudget } from './read-budget.ts'

/** First bytes of packets (MQTT 3.1.1 §2.2.1); PUBACK, PUBREC, PUBREL and PUBCOMP lie between them. */
const PUBACK = 0x40
const SUBSCRIBE = 0x80

/** The state of a client as this guard needs it. */
interface Gatekeeper {
  /** Whether the client has been admitted. */
  admitted(): boolean
  /** What may be read of it per second; without a budget everything. */
  budget?(): ReadBudget | undefined
}

/**
 * The cost of an answer to a delivery, relative to a message. It is a small part of the hub's work, and not
 * the client's choice: a client that receives more messages at QoS 1 than it may send would otherwise fall
 * behind with its answers, and with the pings after them.
 */
const ANSWER = 0.05

/**
 * Guards the data between a connection and the broker, on the connection itself:
 * - a read returns all buffered data. On Bun ≥ 1.4 and Node ≥ 26 (nodejs/node#60441) a stream's `read()`
 *   returns one buffer at a time; Aedes reads again from inside its parser, which then parses across the seam
 *   and dies;
 * - until the client is admitted, the broker gets only the first packet: what a client sends after its
 *   CONNECT waits in the stream, where it is bounded, while the log-in is decided (Aedes would queue 42
 *   packets and disconnect the client);
 * - a client with a budget is read a few packets at a time, and only while its budget is not spent;
 * - a connection whose packet announces more than the limits is cut at the length field, before any of the
 *   packet is kept;
 * - a write never reports back-pressure, for which Aedes would make every other client wait (its
 *   `drainTimeout`). A connection with more than `limits.owed_bytes` of unread data is cut instead.
 */
export function shield<C extends Duplex>(conn: C, { admitted, budget = () => undefined }: Gatekeeper): C {
  const read = conn.read.bind(conn)
  const write = conn.write.bind(conn) as (...args: unknown[]) => boolean
  const follow = packetGuard()
  let first = true
  let held: Buffer | null = null
  /** The budget is spent; reading resumes in a later turn, never while the broker parses what it has. */
  let waits = false
  const later = (limit: ReadBudget) => {
    waits = true
    limit.wait(() => {
      waits = false
      if (!conn.destroyed) conn.emit('readable')
    })
  }

  conn.read = (size?: number) => {
    if (size !== undefined && size !== null) return read(size)
    const isIn = admitted()
    if (waits || (!first && !isIn)) return null
    const limit = isIn ? budget() : undefined
    if (limit?.isSpent) {
      later(limit)
      return null
    }
    const parts: Buffer[] = []
    for (let part: Buffer | null = held ?? read(); part !== null; part = read()) {
      const { refused, used, packets, answers } = follow(part, isIn ? limit?.quantum : 1)
      if (refused !== undefined) {
        conn.destroy(new Error(refused))
        return null
      }
      held = used < part.length ? part.subarray(used) : null
      parts.push(part.subarray(0, used))
      if (!isIn && packets > 0) {
        first = false
        break
      }
      limit?.spend(packets - answers + answers * ANSWER, used)
      if (limit && (held || limit.isSpent)) {
        later(limit)
        break
      }
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
 * Follows the packets of one connection by their fixed headers (MQTT 3.1.1 §2.2). Takes bytes in pieces of
 * any size, and stops at the end of the `most`th packet. Returns how many bytes and ends of packets it
 * passed, how many of the packets answer a delivery (PUBACK to PUBCOMP), and the reason when a packet
 * announces more than allowed.
 */
export function packetGuard(): (
  bytes: Uint8Array,
  most?: number,
) => { refused?: string; used: number; packets: number; answers: number } {
  let longest: number = limits.connect_bytes
  /** Bytes of the present packet still to come; 0 while its header is being read. */
  let rest = 0
  let inLength = false
  let isAnswer = false
  let length = 0
  let scale = 1
  return (bytes, most = Number.POSITIVE_INFINITY) => {
    let at = 0
    let packets = 0
    let answers = 0
    const refuse = (refused: string) => ({ refused, used: at, packets, answers })
    while (at < bytes.length && packets < most) {
      if (rest > 0) {
        const step = Math.min(rest, bytes.length - at)
        rest -= step
        at += step
      } else {
        const byte = bytes[at++] ?? 0
        if (!inLength) {
          inLength = true
          isAnswer = byte >= PUBACK && byte < SUBSCRIBE
          length = 0
          scale = 1
          continue
        }
        length += (byte & 0x7f) * scale
        scale *= 128
        if (length > longest) {
          return refuse(`it announced a packet of ${length} bytes or more; the limit here is ${longest}`)
        }
        if (byte & 0x80) {
          if (scale >= 128 ** 4) return refuse('it sent a packet length of more than four bytes')
          continue
        }
        inLength = false
        rest = length
      }
      if (rest > 0) continue
      longest = limits.packet_bytes
      packets++
      if (isAnswer) answers++
    }
    return { used: at, packets, answers }
  }
}
