import type { Speech } from './peer.test-aid.ts'
import { idn } from './server.test-aid.ts'

/** Lines; `V12?` asks for 12. */
export function lines(): Speech {
  return {
    cut(bytes) {
      const end = bytes.lastIndexOf(10) + 1
      const whole = bytes.subarray(0, end).toString('latin1').split('\n').slice(0, -1)
      return { requests: whole.map((line) => Buffer.from(line.trim())), rest: bytes.subarray(end) }
    },
    hear: (request) => asked(request.toString()),
    reply: (_, n) => `${n}\r\n`,
  }
}

/** Lines to a controller, which reads its device when told to. */
export function controllerLines(): Speech {
  let due: number | string | undefined
  return {
    ...lines(),
    hear(request) {
      const line = request.toString()
      if (!line.startsWith('++')) due = asked(line)
      return line === '++read eoi' ? due : undefined
    },
    // A device ends its line itself, and the controller adds another line end for EOI.
    reply: (_, n) => `${n}\n\n`,
  }
}

function asked(line: string): number | string | undefined {
  const [, n] = /^V(\d+)\?$/.exec(line) ?? []
  return n ? Number(n) : line === '*IDN?' ? `${idn}\r\n` : undefined
}

/** HTTP; `GET /12` asks for 12. */
export const http: Speech = {
  cut(bytes) {
    const end = bytes.lastIndexOf('\r\n\r\n')
    if (end < 0) return { requests: [], rest: bytes }
    const whole = bytes.subarray(0, end).toString('latin1').split('\r\n\r\n')
    return { requests: whole.map((head) => Buffer.from(head)), rest: bytes.subarray(end + 4) }
  },
  hear: (request) => Number(/^GET \/(\d+) /.exec(request.toString())?.[1]),
  reply: (_, n) => httpReply(String(n)),
}

export const httpReply = (body: string, length = body.length): string =>
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\n\r\n${body}`

/** Modbus-TCP; `input 12 1` asks for 12. */
export const modbus: Speech = {
  cut(bytes) {
    const requests: Buffer[] = []
    let at = 0
    for (; at + 12 <= bytes.length; at += 12) requests.push(bytes.subarray(at, at + 12))
    return { requests, rest: bytes.subarray(at) }
  },
  hear: (request) => request.readUInt16BE(8),
  reply: modbusReply,
}

/** `changed` maps positions to replaced bytes. */
export function modbusReply(request: Buffer, n: number, changed: Record<number, number> = {}): Buffer {
  const reply = Buffer.concat([
    request.subarray(0, 4),
    Buffer.from([0, 5, request[6] ?? 0, 4, 2, n >> 8, n & 255]),
  ])
  for (const [at, byte] of Object.entries(changed)) reply[Number(at)] = byte
  return reply
}

/** SNMP 2c; `get 1.3.6.1.4.1.9.12` asks for 12. Every length is below 128, so it takes one byte. */
export const snmp: Speech = {
  cut: (bytes) => ({ requests: [bytes], rest: Buffer.alloc(0) }),
  hear: (request) => oidOf(request).at(-1),
  reply: (request, n) => snmpReply(request, { value: element(2, Buffer.from([n])) }),
}

/** The reply to a request with a value, or with the identifier of another request. */
export function snmpReply(
  request: Buffer,
  { value = Buffer.alloc(0), id }: { value?: Buffer; id?: Buffer },
): Buffer {
  const [whole] = elements(request)
  const [version, community, pdu] = elements(whole?.body)
  const [requestId] = elements(pdu?.body)
  const none = element(2, Buffer.from([0]))
  const binding = element(0x30, element(6, oidOf(request)), value)
  return element(
    0x30,
    ...[version, community].map((one) => element(one?.type ?? 0, one?.body ?? none)),
    element(0xa2, element(2, id ?? requestId?.body ?? none), none, none, element(0x30, binding)),
  )
}

function oidOf(request: Buffer): Buffer {
  const [whole] = elements(request)
  const pdu = elements(whole?.body)[2]
  const [binding] = elements(elements(pdu?.body)[3]?.body)
  return elements(binding?.body)[0]?.body ?? Buffer.alloc(0)
}

/** BER: a type, a length, a body. */
export function element(type: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([type, body.length]), body])
}

function elements(bytes: Buffer = Buffer.alloc(0)): { type: number; body: Buffer }[] {
  const found: { type: number; body: Buffer }[] = []
  for (let at = 0; at + 2 <= bytes.length; ) {
    const end = at + 2 + (bytes[at + 1] ?? 0)
    found.push({ type: bytes[at] ?? 0, body: bytes.subarray(at + 2, end) })
    at = end
  }
  return found
}
