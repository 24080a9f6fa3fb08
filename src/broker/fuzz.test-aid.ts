import type { Random } from '../../test/random.ts'
import { packet } from './raw-client.test-aid.ts'

/** Packets of every kind, each valid, from which the mutations start. */
const seeds = [
  packet.connect('fuzz'),
  packet.connect('fuzz', { will: { topic: 'observatory/fuzz/presence', payload: '{}', retain: true } }),
  packet.publish('observatory/fuzz/feeds/f', '{"epoch":"e","seq":1}'),
  packet.publish('observatory/fuzz/presence', '{}', { qos: 1, retain: true }),
  packet.publish('observatory/fuzz/events', '{}', { qos: 2 }),
  packet.publish(`observatory/fuzz${'/x'.repeat(150)}`, '{}'),
  packet.subscribe('observatory/#', 1),
  packet.subscribe(`${'+/'.repeat(120)}#`, 2),
  packet.ping,
  Buffer.from([0x40, 2, 0, 1]),
  Buffer.from([0x50, 2, 0, 1]),
  Buffer.from([0x62, 2, 0, 1]),
  Buffer.from([0x70, 2, 0, 1]),
  Buffer.from([0xa2, 7, 0, 1, 0, 3, 0x61, 0x2f, 0x23]),
  Buffer.from([0xe0, 0]),
  Buffer.from([0xf0, 0]),
]

/**
 * The packets of one client: half of the clients log in first; then come packets with up to three faults
 * each.
 */
export function mutatedPackets(random: Random, count: number): Buffer[] {
  const login = random.below(2) === 0 ? [packet.connect(`fuzz${random.below(1000)}`)] : []
  return [...login, ...Array.from({ length: count }, () => mutated(random))]
}

function mutated(random: Random): Buffer {
  const bytes = Buffer.from(random.pick(seeds))
  for (let times = random.below(4); times > 0; times--) {
    const where = random.below(bytes.length)
    const kind = random.below(4)
    if (kind === 0) bytes[where] = random.below(256)
    else if (kind === 1) bytes[where] = (bytes[where] ?? 0) ^ (1 << random.below(8))
    else if (kind === 2) bytes.copyWithin(where, random.below(bytes.length))
    else return bytes.subarray(0, where)
  }
  return bytes
}
