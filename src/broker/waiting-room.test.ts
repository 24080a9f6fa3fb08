import { expect, test } from 'bun:test'
import { PassThrough } from 'node:stream'
import { placeOf } from '../principals/place.ts'
import { limits } from './limits.ts'
import { WaitingRoom } from './waiting-room.ts'

const open = (conns: readonly PassThrough[]) => conns.filter(({ destroyed }) => !destroyed).length
/** Connections from one address, in a waiting room. */
function crowd(room: WaitingRoom, host: string, count: number): PassThrough[] {
  return Array.from({ length: count }, (_, n) => {
    const conn = new PassThrough()
    room.enter(conn, `${host}:${1024 + n}`)
    return conn
  })
}

test('half-open connections of one address make room for one another, and leave those of others alone', () => {
  const lines: string[] = []
  const room = new WaitingRoom((text) => lines.push(text))
  const others = crowd(room, '10.0.0.8', 20)
  const many = crowd(room, '10.0.0.7', 900)
  expect(open(many)).toBe(limits.address_waiting)
  expect(open(many.slice(-limits.address_waiting))).toBe(limits.address_waiting)
  expect(open([...others, ...crowd(room, '10.0.0.9', 20)])).toBe(40)
  expect(lines[0]).toContain('a connection from 10.0.0.7:1280 was cut off before it was accepted')
})

test('half-open connections of many addresses: those go of whoever has most', () => {
  const room = new WaitingRoom(() => {})
  const most = crowd(room, '10.0.1.1', 200)
  const some = Array.from({ length: 100 }, (_, n) => crowd(room, `10.0.2.${n}`, 4)).flat()
  expect([open(most), open(some)]).toEqual([limits.waiting - 400, 400])
})

test('whoever has been let in, or has gone, waits no more', async () => {
  const room = new WaitingRoom(() => {})
  const [first, second] = crowd(room, '10.0.0.7', 2)
  room.leave(first as PassThrough, '10.0.0.7:1024')
  second?.destroy()
  await new Promise((resolve) => second?.once('close', resolve))
  crowd(room, '10.0.0.7', limits.address_waiting)
  expect(first?.destroyed).toBeFalse()
})

test('an address that connects again and again is refused, and another is not', () => {
  const room = new WaitingRoom(() => {})
  // The test does not control the clock, so a few more may be admitted meanwhile.
  const many = crowd(room, '10.0.0.7', 3 * limits.address_connects_at_once)
  expect(many.at(-1)?.destroyed).toBeTrue()
  expect(open(crowd(room, '10.0.0.8', 1))).toBe(1)
})

test.each([
  ['127.0.0.1:4000', 'loopback'],
  ['127.8.8.8:4000', 'loopback'],
  ['[::1]:4000', 'loopback'],
  ['10.0.0.7:4000', '10.0.0.7'],
  ['[::ffff:10.0.0.7]:4000', '10.0.0.7'],
  ['[2001:db8:1:2:3:4:5:6]:4000', '2001:db8:1:2::/64'],
  ['[2001:db8:1:2::9]:4000', '2001:db8:1:2::/64'],
  ['[2001:db8::9]:4000', '2001:db8:0:0::/64'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
])('%s counts as %s', (from, place) => {
  expect(placeOf(from)).toBe(place)
})
