/**
 * Bytes to and from one instrument. Each kind (`tcp.ts`, `serial.ts`, `replay.ts`) returns an open one; it
 * ends once, for good: to reconnect, open another.
 */
export interface Transport {
  /** Where it leads, for messages: `127.0.0.1:7777`, `/dev/ttyUSB0`. */
  readonly name: string
  /** Hands bytes to the system; rejects with a TransportError once the transport is closed or lost. */
  write(bytes: Uint8Array): Promise<void>
  /** Sets the one listener; nothing is read until there is one. */
  onData(listener: (bytes: Uint8Array) => void): void
  /**
   * Sets the one listener for a loss; called once, immediately if already lost, and never after our own
   * `close()`.
   */
  onClose(listener: (reason: Error) => void): void
  /** Closes it and frees the device; a second call does nothing. */
  close(): Promise<void>
  /** Discards input that the system has buffered and nobody has read. */
  flush?(): Promise<void>
}
