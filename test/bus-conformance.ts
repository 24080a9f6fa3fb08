import { describe, expect, test } from 'bun:test'
import type { Bus, BusOptions } from '../src/bus/bus.ts'
import { channels, type Presence } from '../src/core/channels.ts'

const root = 'observatory'
const presence: Presence = {
  state: 'online',
  session: 's',
  since: 1,
  time: 2,
  agent_class: 'X',
  host: 'h',
  pid: 1,
  version: '0',
}
const event = (text: string) => ({ time: 1, level: 'info' as const, kind: 'test', text })

/** The requirements on every bus; run on each kind, and on each broker. */
export function busConformance(
  kind: string,
  connect: (client: string, options?: BusOptions) => Promise<Bus>,
) {
  describe(kind, () => {
    const next = async <T>(
      subscribe: (take: (value: T) => void) => Promise<unknown>,
      act: () => Promise<unknown>,
    ) => {
      const { promise, resolve } = Promise.withResolvers<T>()
      await subscribe(resolve)
      await act()
      return promise
    }

    test('a message reaches who listens to its address, and nobody else', async () => {
      await using a = await connect('one-a')
      await using b = await connect('one-b')
      const other: string[] = []
      await b.subscribe(channels.event, { root, instance: 'elsewhere' }, ({ text }) => other.push(text))
      const got = await next<string>(
        (take) =>
          b.subscribe(channels.event, { root }, ({ text }, { instance }) => take(`${instance}: ${text}`)),
        () => a.publish(channels.event, { root, instance: 'one-a' }, event('hello')),
      )
      expect(got).toBe('one-a: hello')
      expect(other).toEqual([])
    })

    test('messages of one client come in order', async () => {
      await using a = await connect('order-a')
      await using b = await connect('order-b')
      const seen: number[] = []
      const { promise, resolve } = Promise.withResolvers<void>()
      await b.subscribe(channels.event, { root, instance: 'order-a' }, ({ text }) => {
        seen.push(Number(text))
        if (seen.length === 500) resolve()
      })
      for (let n = 0; n < 500; n++)
        await a.publish(channels.event, { root, instance: 'order-a' }, event(String(n)))
      await promise
      expect(seen).toEqual(Array.from({ length: 500 }, (_, n) => n))
    })

    test('a retained message waits for late listeners until it is cleared', async () => {
      await using a = await connect('kept-a')
      await using b = await connect('kept-b')
      const address = { root, instance: 'kept-a' }
      await a.publish(channels.presence, address, presence)
      const got = await next<boolean>(
        (take) => b.subscribe(channels.presence, address, (_, __, { retained }) => take(retained)),
        async () => {},
      )
      expect(got).toBe(true)
      await a.clear(channels.presence, address)
      await using c = await connect('kept-c')
      const late: unknown[] = []
      await c.subscribe(channels.presence, address, (payload) => late.push(payload))
      await next<unknown>(
        (take) => c.subscribe(channels.event, { root, instance: 'kept-a' }, take),
        () => a.publish(channels.event, address, event('after')),
      )
      expect(late).toEqual([])
    })

    test('a payload that does not fit its channel, and a listener that throws, are reported; the next is fine', async () => {
      await using a = await connect('bad-a')
      const bad: string[] = []
      await using b = await connect('bad-b', { onBad: (topic, reason) => bad.push(`${topic}: ${reason}`) })
      const got = await next<string>(
        (take) =>
          b.subscribe(channels.event, { root, instance: 'bad-a' }, ({ text }) => {
            if (text === 'throw') throw new Error('a listener failed')
            take(text)
          }),
        async () => {
          await a.publish(channels.event, { root, instance: 'bad-a' }, { nothing: 1 } as never)
          await a.publish(channels.event, { root, instance: 'bad-a' }, event('throw'))
          await a.publish(channels.event, { root, instance: 'bad-a' }, event('good'))
        },
      )
      expect(got).toBe('good')
      expect(bad.length).toBe(2)
      expect(bad[1]).toBe('observatory/bad-a/events: a listener failed')
    })

    test('a name that fits no topic level is refused before it is sent', async () => {
      await using a = await connect('names')
      expect(() => a.publish(channels.event, { root, instance: 'a/b' }, event('x'))).toThrow('not a name')
      expect(() => a.publish(channels.event, { root, instance: '+' }, event('x'))).toThrow('not a name')
    })

    test('a subscription that was disposed hears nothing more', async () => {
      await using a = await connect('gone-a')
      await using b = await connect('gone-b')
      const heard: string[] = []
      const first = await b.subscribe(channels.event, { root, instance: 'gone-a' }, ({ text }) =>
        heard.push(text),
      )
      await first[Symbol.asyncDispose]()
      await next<unknown>(
        (take) => b.subscribe(channels.event, { root }, take),
        () => a.publish(channels.event, { root, instance: 'gone-a' }, event('x')),
      )
      expect(heard).toEqual([])
    })
  })
}
