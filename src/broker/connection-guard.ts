import type { Duplex } from 'node:stream'
import { limits } from './limits.ts'
import type { ReadBudget } from './read-budget.ts'

/** First bytes of packets (MQTT 3.1.1 §2.2.1); between them are PUBACK, PUBREC, PUBREL and PUBCOMP. */
const PUBACK = 0x40
const SUBSCRIBE = 0x80

/** What stands at a connection goes by. */
interface Gatekeeper {
  /** Whether the client has been let in. */
  admitted(): boolean
  /** What may be read of it in a second; without one all there is. */
  budget?(): ReadBudget | undefined
}

/**
 * What the answer to a delivery counts for beside a message. It is a small part of the hub's work, and not the client's choice: one
 * that is sent more at QoS 1 than it may send would fall behind with its answers, and its pings behind them.
 */
const ANSWER = 0.05

/**
 * Stands between a connection and the broker, on the connection itself:
 * - a read hands out all that is buffered. On Bun ≥ 1.4 and Node ≥ 26 (nodejs/node#60441) a stream's `read()` returns one
 *   buffer at a time; Aedes reads again from inside its parser, which then parses across the seam and dies;
 * - until the client is admitted, the broker gets the first packet alone: what a client sends behind its CONNECT waits in
 *   the stream, where it is bounded, while the log-in is decided (Aedes would queue 42 packets and cut the client);
 * - a client with a budget is read a few packets at a time, and then not before it has something left;
 * - a packet that announces more than the limits is cut on its length field, before any of it is kept;
 * - a write never reports back-pressure, for which Aedes would make every other client wait (its `drainTimeout`).
 *   A connection that owes more than `limits.owed_bytes` is cut instead.
 */
export function shield<C extends Duplex>(conn: C, { admitted, budget = () => undefined }: Gatekeeper): C {
  const read = conn.read.bind(conn)
  const write = conn.write.bind(conn) as (...args: unknown[]) => boolean
  const follow = packetGuard()
  let first = true
  let held: Buffer | null = null
  /** It has had its share, and is told when to read on: never within the same turn, when the broker parses what it had. */
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
 * Follows the packets of one connection by their fixed headers (MQTT 3.1.1 §2.2). Takes bytes in pieces of any size, and no
 * further than to the end of the `most`th packet in them; tells how many bytes and ends of packets those were, how many of the
 * packets answer a delivery (PUBACK to PUBCOMP), and the reason when a packet announces more than it may.
 */
export function packetGuard(): (
  bytes: Uint8Array,
  most?: number,
) => { refused?: string; used: number; packets: number; answers: number } {
  let longest: number = limits.connect_bytes
  /** Bytes of the present packet that are still to come; its header is being read when 0. */
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
