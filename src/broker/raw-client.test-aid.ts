import { createConnection, type Socket } from 'node:net'

/** MQTT 3.1.1 written byte by byte, for tests that do what no proper client library would. */
export const packet = {
  connect(
    id: string,
    more: {
      keepalive?: number
      clean?: boolean
      version?: number
      will?: Will
      /** The user name; the id by default. */
      user?: string
      nonce?: string
    } = {},
  ): Buffer {
    const { keepalive = 30, clean = true, version = 4, will, user = id, nonce } = more
    const flags =
      (clean ? 2 : 0) |
      (nonce === undefined ? 0 : 0xc0) |
      (will ? 4 | ((will.qos ?? 1) << 3) | (will.retain ? 0x20 : 0) : 0)
    const head = Buffer.from([version, flags, keepalive >> 8, keepalive & 255])
    // MQTT 5 puts an empty property list after the head.
    const rest = [...(version > 4 ? [Buffer.from([0])] : []), text(id)]
    if (will) rest.push(text(will.topic), text(will.payload))
    if (nonce !== undefined) rest.push(text(user), text(nonce))
    return framed(0x10, text('MQTT'), head, ...rest)
  },
  publish(topic: string, payload: string, { qos = 0, retain = false, id = 1 } = {}): Buffer {
    return framed(
      0x30 | (qos << 1) | (retain ? 1 : 0),
      text(topic),
      ...(qos > 0 ? [short(id)] : []),
      Buffer.from(payload),
    )
  },
  subscribe(filter: string, qos = 0, id = 1): Buffer {
    return framed(0x82, short(id), text(filter), Buffer.from([qos]))
  },
  ping: Buffer.from([0xc0, 0]),
}
/** A last will. */
export interface Will {
  topic: string
  payload: string
  qos?: number
  retain?: boolean
}

/** A raw connection; it acknowledges nothing. */
export class RawClient {
  readonly socket: Socket
  /** Resolves when the connection is closed, by either side. */
  readonly closed: Promise<void>
  #received = Buffer.alloc(0)
  #wake: () => void = () => {}

  constructor(url: string) {
    const { hostname, port } = new URL(url)
    this.socket = createConnection({ host: hostname, port: Number(port) })
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()))
    this.socket.on('error', () => {})
    this.socket.on('data', (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes])
      this.#wake()
    })
    this.socket.once('close', () => this.#wake())
  }

  send(...packets: Buffer[]): void {
    this.socket.write(Buffer.concat(packets))
  }

  /** The next `length` bytes; fewer if the connection ends first. */
  async take(length: number): Promise<Buffer> {
    while (this.#received.length < length && !this.socket.destroyed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const taken = this.#received.subarray(0, length)
    this.#received = this.#received.subarray(length)
    return taken
  }

  /** Sends a CONNECT and resolves with the return code of its CONNACK; undefined if none comes. */
  async connect(...args: Parameters<typeof packet.connect>): Promise<number | undefined> {
    this.send(packet.connect(...args))
    return (await this.take(4))[3]
  }
}

function framed(first: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const length: number[] = []
  let left = body.length
  do {
    length.push((left % 128) | (left >= 128 ? 128 : 0))
    left = Math.floor(left / 128)
  } while (left > 0)
  return Buffer.concat([Buffer.from([first, ...length]), body])
}
function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([short(bytes.length), bytes])
}
function short(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255])
}
