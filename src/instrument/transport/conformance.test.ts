import { afterEach, describe, expect, jest, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { TransportError } from '../../core/errors.ts'
import { aborted } from '../../core/pause.ts'
import { type Case, type Kind, kinds } from './conformance.test-aid.ts'
import type { Link, QueryOptions } from './link.ts'
import { type OpenLineOptions, openLink } from './open.ts'
import type { Peer } from './peer.test-aid.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  jest.useRealTimers()
  for (const one of open.splice(0).reverse()) await one.close()
})

/** A short time-out for cases without any reply: however long they take, none comes. */
const brief = { timeout: 40 }

async function started(kind: Kind): Promise<Peer> {
  const peer = await kind.start()
  open.push(peer)
  return peer
}
async function linked({ options, begin }: Kind, peer: Peer, more: OpenLineOptions = {}): Promise<Link> {
  const link = await openLink(peer.url, { ...options, ...more })
  open.push(link)
  if (begin) await link.query(begin)
  return link
}
const ask = (kind: Kind, peer: Peer, link: Link, n: number, options?: QueryOptions) =>
  link.read(kind.command(n, peer), kind.decode, options)

/** The error of a promise, which must be a TransportError that names the place. */
async function failure(promise: Promise<unknown>, { place }: Peer): Promise<TransportError> {
  const error = await promise.then(
    (value) => new Error(`no error, but ${JSON.stringify(value)}`),
    (reason) => reason,
  )
  expect(error).toBeInstanceOf(TransportError)
  expect(error.message).toContain(place)
  return error
}

/** A turn of the event loop, which no fake clock delays. */
const turn = () =>
  new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(0)
  })
async function until(holds: () => boolean, each = () => {}): Promise<void> {
  while (!holds()) {
    each()
    await turn()
  }
}
/** Stops time until it is advanced. */
function holdTime(): void {
  jest.useFakeTimers()
  // Bun's fake clock may lag behind the real one: a link would wait until it has caught up with its last
  // message.
  jest.advanceTimersByTime(1e6)
}
/** ms by which the fake clock has advanced. */
let passed = 0
/** Advances it until a promise is settled. */
async function passing<T>(promise: Promise<T>, step = 10): Promise<T> {
  let settled = false
  const end = () => {
    settled = true
  }
  promise.then(end, end)
  await until(
    () => settled,
    () => {
      passed += step
      jest.advanceTimersByTime(step)
    },
  )
  return promise
}
const descriptors = () => readdirSync('/proc/self/fd').length

test('what a transport cannot have is known', () => {
  const without = kinds.map(({ name, without }) => [name, Object.keys(without).join(' ')])
  expect(Object.fromEntries(without.filter(([, cases]) => cases))).toEqual({
    udp: 'cut',
    snmp: 'cut',
    replay: 'loss cut lateness opening',
    file: 'order cut lateness silence pending opening',
  })
})

describe.each(kinds.map((kind) => [kind.name, kind] as const))('%s', (_, kind) => {
  const has = (one: Case) => kind.without[one] === undefined

  test('a command is answered by its reply', async () => {
    const peer = await started(kind)
    const link = await linked(kind, peer)
    expect(link.name).toContain(peer.place)
    for (const n of [12, 13, 12]) expect(await ask(kind, peer, link, n)).toBe(n)
    expect(link.closed.aborted).toBe(false)
  })

  if (has('order'))
    test('commands go one at a time, in order, a task before a poll that waits', async () => {
      const peer = await started(kind)
      const order: string[] = []
      const link = await linked(kind, peer, { onExchange: (command) => order.push(command) })
      const polls = [11, 12, 13].map((n) => ask(kind, peer, link, n, { priority: 'poll' }))
      const tasks = [14, 15].map((n) => ask(kind, peer, link, n))
      expect(await Promise.all([...polls, ...tasks])).toEqual([11, 12, 13, 14, 15])
      const right = [11, 14, 15, 12, 13]
      expect(order).toEqual(right.map((n) => kind.command(n, peer)))
      if (peer.attended) expect(peer.heard).toEqual(right)
      expect(peer.most).toBe(1)
    })

  /**
   * If its peer is gone, every command of a link fails, soon at once; a link opened after its return works
   * normally.
   */
  async function isLost(link: Link, peer: Peer, failed: number): Promise<void> {
    for (; failed < kind.noticed && !link.closed.aborted; failed++)
      await failure(link.query(kind.command(12, peer), brief), peer)
    await aborted(link.closed)
    expect(link.closed.reason).toBeInstanceOf(TransportError)
    for (const priority of ['task', 'poll'] as const)
      await failure(link.query('read', { priority, timeout: 1e9 }), peer)
    await failure(link.send('read', { timeout: 1e9 }), peer)
    await peer.comeBack()
    peer.script.clear()
    const again = await linked(kind, peer)
    expect(await ask(kind, peer, again, 13)).toBe(13)
  }

  if (has('loss'))
    test('a loss between two commands is told, and ends the link', async () => {
      const peer = await started(kind)
      const link = await linked(kind, peer)
      expect(await ask(kind, peer, link, 12)).toBe(12)
      await peer.leave()
      await isLost(link, peer, 0)
    })

  if (has('cut'))
    test('a loss in the middle of a reply fails its command', async () => {
      const peer = await started(kind)
      const link = await linked(kind, peer)
      peer.script.set(12, 'half')
      const pending = [12, 13].map((n) => failure(ask(kind, peer, link, n, { timeout: 1e9 }), peer))
      await until(() => peer.heard.includes(12))
      await peer.leave('end')
      await Promise.all(pending)
      await isLost(link, peer, 2)
    })

  for (const [name, garbage] of Object.entries(kind.garbage))
    test(`garbage, ${name}: its command fails, and the next has its own reply`, async () => {
      const peer = await started(kind)
      const ends = typeof garbage === 'object'
      peer.script.set(1, ends ? garbage.ends : garbage)
      const link = await linked(kind, peer)
      await failure(ask(kind, peer, link, 1, brief), peer)
      // Bytes that arrive after the time-out, on a busy machine, end the link with the next command.
      while (ends && !link.closed.aborted) await failure(ask(kind, peer, link, 1, brief), peer)
      const next = ends ? await linked(kind, peer) : link
      for (const n of [2, 3]) expect(await ask(kind, peer, next, n)).toBe(n)
    })

  for (const when of ['at once', 'before the next'] as const)
    if (has('lateness'))
      test(`a reply after the time-out, ${when}, is nobody else's`, async () => {
        const peer = await started(kind)
        const link = await linked(kind, peer)
        peer.script.set(1, 'hold')
        await failure(ask(kind, peer, link, 1, brief), peer)
        await until(() => peer.held.length > 0)
        const late = () => {
          for (const answer of peer.held.splice(0)) answer()
        }
        if (when === 'at once') late()
        else peer.first = late
        for (const n of [2, 3]) expect(await ask(kind, peer, link, n)).toBe(n)
        expect(link.closed.aborted).toBe(false)
      })

  if (has('silence'))
    test('a command without a reply fails after its time-out, and a link without any is lost', async () => {
      const peer = await started(kind)
      peer.script.set(1, 'silent')
      const link = await linked(kind, peer, { timeout: 500_000 })
      holdTime()
      const begun = passed
      const error = await passing(failure(ask(kind, peer, link, 1, { timeout: 7000 }), peer))
      expect(error.message).toContain('no reply in 7000 ms')
      // It may be noticed some turns later, but before the link's own time-out.
      expect(passed - begun).toBeWithin(7000, 400_000)
      if (!peer.attended) return
      peer.mute = true
      for (let count = 1; count < 3 && !link.closed.aborted; count++)
        await passing(failure(ask(kind, peer, link, 1), peer), 10_000)
      expect(link.closed.aborted).toBe(true)
      await failure(ask(kind, peer, link, 2), peer)
      expect(jest.getTimerCount()).toBe(0)
    })

  if (has('pending'))
    test('close() fails the command under way and leaves nothing behind', async () => {
      const peer = await started(kind)
      const cycle = async () => {
        peer.script.set(1, 'silent')
        const link = await linked(kind, peer)
        expect(await ask(kind, peer, link, 12)).toBe(12)
        holdTime()
        const asked = peer.heard.length
        const pending = [1, 2].map((n) => failure(ask(kind, peer, link, n, { timeout: 1e9 }), peer))
        await until(
          () => peer.heard.length > asked || !peer.attended,
          () => jest.advanceTimersByTime(1),
        )
        await link.close()
        await link.close()
        await Promise.all(pending)
        await failure(ask(kind, peer, link, 2), peer)
        expect(jest.getTimerCount()).toBe(0)
        jest.useRealTimers()
      }
      // The first cycle may load and open what stays for all others.
      await cycle()
      const before = descriptors()
      await cycle()
      await until(() => descriptors() <= before)
    })

  test('a link that is closed leaves no descriptor behind', async () => {
    const peer = await started(kind)
    const before = descriptors()
    for (let count = 0; count < 3; count++) {
      const link = await linked(kind, peer)
      await ask(kind, peer, link, 12).catch(() => {})
      await link.close()
      if (count > 0) await until(() => descriptors() <= before)
    }
  })

  test('an opening that is stopped before it begins is refused', async () => {
    const peer = await started(kind)
    peer.touched = false
    const signal = AbortSignal.abort()
    await failure(linked(kind, peer, { signal }), peer)
    expect(peer.touched).toBe(false)
  })

  if (has('opening'))
    test('an opening that is stopped ends at once and leaves nothing behind', async () => {
      const peer = await started(kind)
      const cycle = async () => {
        peer.touched = false
        peer.mute = true
        peer.script.set(1, 'silent')
        holdTime()
        const stop = new AbortController()
        const identify = kind.options.quiet
          ? {}
          : { identify: { command: kind.command(1, peer), match: /1/ } }
        const opening = failure(linked(kind, peer, { signal: stop.signal, ...identify }), peer)
        await until(
          () => peer.touched,
          () => jest.advanceTimersByTime(1),
        )
        stop.abort()
        const error = await opening
        expect(error.message).toContain('stopped while connecting')
        expect(jest.getTimerCount()).toBe(0)
        jest.useRealTimers()
      }
      await cycle()
      const before = descriptors()
      await cycle()
      await until(() => descriptors() <= before)
    })
})
