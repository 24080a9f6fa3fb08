import { seeded } from '../../../test/random.ts'
import { decimal } from '../codec.ts'
import { dialogPeer, logPeer } from './file-peers.test-aid.ts'
import { maxLine } from './line-framer.ts'
import type { OpenLineOptions } from './open.ts'
import { type Part, type Peer, ptyPeer, tcpPeer, udpPeer } from './peer.test-aid.ts'
import {
  controllerLines,
  element,
  http,
  httpReply,
  lines,
  modbus,
  modbusReply,
  snmp,
  snmpReply,
} from './speech.test-aid.ts'

/** Cases that do not apply to every transport. */
export type Case = 'order' | 'loss' | 'cut' | 'lateness' | 'silence' | 'pending' | 'opening'

/** A transport, as described to the suite. */
export interface Kind {
  readonly name: string
  start(): Promise<Peer>
  /** Asked once beforehand: a log is then read from its present end. */
  readonly begin?: string
  /** The command that asks for a number. */
  command(n: number, peer: Peer): string
  /** The number in a reply. @throws for any other */
  decode(reply: string): number
  readonly options: OpenLineOptions
  /** Commands that fail before a loss is known: 0 where the system tells. */
  readonly noticed: number
  /** Replies that are invalid. `ends`: it ends the link, because nothing after it can be interpreted. */
  readonly garbage: Readonly<Record<string, Exclude<Part, string> | { ends: Exclude<Part, string> }>>
  /** Cases that do not apply to it, with the reason. */
  readonly without: Partial<Readonly<Record<Case, string>>>
}

const random = seeded(7)
const randomBytes = (length: number) => Buffer.from(Array.from({ length }, () => random.below(256)))
const nuls = () => Buffer.alloc(40)
const halfCharacter = Buffer.from([0x31, 0xe2, 0x82])

const talk = {
  command: (n: number) => `V${n}?`,
  decode: decimal.decode,
  options: { gap: 0, quiet: 5, timeout: 20_000 },
  noticed: 0,
  garbage: {
    'random bytes': () => randomBytes(200),
    'random bytes and a line end': () => Buffer.concat([randomBytes(200), Buffer.from('\r\n')]),
    NULs: nuls,
    'a line too long': () => `${'1'.repeat(maxLine + 1)}\r\n`,
    'half a character': () => Buffer.concat([halfCharacter, Buffer.from('\r\n')]),
    'a line too many': () => '1\r\n99\r\n',
    'a line and a part': () => '1\r\n9',
  },
  without: {},
} satisfies Partial<Kind>

const requests = {
  options: { timeout: 20_000 },
  decode: decimal.decode,
  without: {},
} satisfies Partial<Kind>

const wholeDatagrams = 'a datagram comes whole or not at all'
const answersAtOnce = 'it is answered in the same turn, and waits for nobody'

export const kinds: readonly Kind[] = [
  { ...talk, name: 'tcp', start: () => tcpPeer((place) => `tcp://${place}`, lines()) },
  { ...talk, name: 'serial', start: () => ptyPeer(lines()) },
  {
    ...talk,
    name: 'prologix',
    start: () => tcpPeer((place) => `prologix://${place}/5`, controllerLines()),
  },
  {
    ...talk,
    name: 'udp',
    start: () => udpPeer((place) => `udp://${place}`, lines()),
    // A missing listener on the port is reported in answer to a datagram, so by the second command at the
    // latest.
    noticed: 2,
    garbage: {
      ...talk.garbage,
      // The longest datagram, 65507 bytes, is shorter than the longest line.
      'a line too long': () => 'x'.repeat(60_000),
      'a line and a part': () => '1\r\n9\r\n',
    },
    without: { cut: wholeDatagrams },
  },
  {
    ...requests,
    name: 'http',
    start: () => tcpPeer((place) => `http://${place}`, http),
    command: (n) => `GET /${n}`,
    // Each request has a connection of its own, so a loss means three requests without an answer.
    noticed: 3,
    garbage: {
      'random bytes': () => randomBytes(200),
      NULs: nuls,
      'a line too long': () => `HTTP/1.1 200 OK\r\nX: ${'1'.repeat(maxLine + 1)}\r\n\r\n`,
      'half a character': () => httpReply(halfCharacter.toString('latin1')),
      'a page that says what is wrong': () => httpReply('<html><body>Bad Gateway</body></html>'),
      'more than its length': () => `${httpReply('junk')}${httpReply('99')}`,
    },
  },
  {
    ...requests,
    name: 'modbus',
    start: () => tcpPeer((place) => `modbus://${place}/1`, modbus),
    command: (n) => `input ${n} 1`,
    noticed: 0,
    garbage: {
      // An invalid frame has no length, so nothing after it can be interpreted.
      'random bytes': { ends: () => randomBytes(200) },
      NULs: { ends: nuls },
      'a frame too long': { ends: (request) => modbusReply(request, 99, { 4: 0xff, 5: 0xff }) },
      'a frame shorter than it says': { ends: (request) => modbusReply(request, 99, { 5: 50 }) },
      'half a character': { ends: () => halfCharacter },
      // Not the id of the next request, which a late reply would match.
      'the reply to another request': (request) => modbusReply(request, 99, { 1: (request[1] ?? 0) ^ 0x80 }),
      'the reply of another unit': (request) => modbusReply(request, 99, { 6: 9 }),
      'the reply to another function': (request) => modbusReply(request, 99, { 7: 3 }),
      'a length that does not fit': (request) => modbusReply(request, 99, { 8: 4 }),
    },
  },
  {
    ...requests,
    name: 'snmp',
    start: () => udpPeer((place) => `snmp://${place}`, snmp),
    command: (n) => `get 1.3.6.1.4.1.9.${n}`,
    noticed: 3,
    garbage: {
      'random bytes': () => randomBytes(200),
      NULs: nuls,
      'a datagram too long': () => '1'.repeat(60_000),
      'half a character': (request) => snmpReply(request, { value: element(4, halfCharacter) }),
      'half a reply': (request) =>
        snmpReply(request, { value: element(2, Buffer.from([99])) }).subarray(0, -9),
      'the reply to another request': (request) =>
        snmpReply(request, { value: element(2, Buffer.from([99])), id: Buffer.from([9]) }),
      'a reply without a value': (request) => snmpReply(request, {}),
      'a message of no version': (request) =>
        Buffer.concat([request.subarray(0, 4), Buffer.from([7]), request.subarray(5)]),
      'its own request': (request) => request,
    },
    without: { cut: wholeDatagrams },
  },
  {
    ...talk,
    name: 'replay',
    start: dialogPeer,
    garbage: {
      NULs: () => Buffer.alloc(4),
      'half a character': () => halfCharacter,
      'a line too many': () => '1\r\n99',
    },
    without: {
      loss: 'a dialog is read once, at the beginning',
      cut: 'a dialog has whole replies',
      lateness: 'a dialog has no times',
      opening: 'nobody is waited for',
    },
  },
  {
    ...requests,
    name: 'file',
    start: logPeer,
    begin: 'read',
    command(n, peer) {
      ;(peer as Awaited<ReturnType<typeof logPeer>>).log(n)
      return 'read'
    },
    decode(reply) {
      const [[, line] = [], ...more] = JSON.parse(reply) as string[][]
      if (line === undefined || more.length > 0) throw new Error(`one line expected, got ${reply}`)
      return decimal.decode(line)
    },
    noticed: 3,
    garbage: {
      'random bytes': () =>
        Buffer.concat([randomBytes(200).map((byte) => (byte === 10 ? 0 : byte)), Buffer.from('\n')]),
      NULs: () => Buffer.concat([nuls(), Buffer.from('\n')]),
      'a line too long': () => `${'1'.repeat(300_000)}\n`,
      'half a character': () => Buffer.concat([halfCharacter, Buffer.from('\n')]),
    },
    without: {
      order: 'what a read gives does not depend on who reads',
      cut: 'a line half written is no line yet',
      lateness: answersAtOnce,
      silence: answersAtOnce,
      pending: answersAtOnce,
      opening: answersAtOnce,
    },
  },
]
