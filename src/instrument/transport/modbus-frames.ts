/** Bytes of a frame's head, MBAP, up to its length: transaction, protocol (0), and how many bytes follow. */
const HEAD = 6
/**
 * Bytes that follow: at least unit, function and one byte, and at most (Modbus Messaging on TCP/IP 1.0b,
 * 4.1).
 */
const [LEAST, MOST] = [3, 254]

/** Follows a stream of Modbus-TCP frames to detect when it gets out of step. */
export class ModbusFrames {
  #head: number[] = []
  /** Bytes of the current frame that have not arrived. */
  #due = 0

  /** Whether a frame has begun and not ended. */
  get partial(): boolean {
    return this.#head.length > 0 || this.#due > 0
  }

  /** Takes bytes as they come. @returns whether they are still valid frames */
  push(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length; ) {
      if (this.#due > 0) {
        const taken = Math.min(this.#due, bytes.length - at)
        this.#due -= taken
        at += taken
        continue
      }
      this.#head.push(bytes[at++] ?? 0)
      if (this.#head.length < HEAD) continue
      const [, , protocolHigh = 0, protocolLow = 0, high = 0, low = 0] = this.#head
      this.#due = high * 256 + low
      this.#head = []
      if (protocolHigh + protocolLow > 0 || this.#due < LEAST || this.#due > MOST) return false
    }
    return true
  }
}
