import { expect, test } from 'bun:test'
import { Aedes } from 'aedes'
import { rememberMatches } from './remembered-matches.ts'

test('who subscribes or leaves is heeded by the next message, though its topic was looked up before', async () => {
  const broker = await Aedes.createBroker()
  rememberMatches(broker)
  const heard: string[] = []
  const listener = (name: string) => (_: unknown, done: () => void) => {
    heard.push(name)
    done()
  }
  const publish = () =>
    new Promise<void>((resolve) =>
      broker.publish({ cmd: 'publish', topic: 'a/b', payload: 'x', qos: 0, retain: false, dup: false }, () =>
        resolve(),
      ),
    )
  const [first, second] = [listener('first'), listener('second')]
  const subscribe = (filter: string, to: typeof first) =>
    new Promise<void>((resolve) => broker.subscribe(filter, to as never, resolve))
  await subscribe('a/b', first)
  await publish()
  await publish()
  await subscribe('a/+', second)
  await publish()
  await new Promise<void>((resolve) => broker.unsubscribe('a/b', first as never, resolve))
  await publish()
  expect(heard.toSorted()).toEqual(['first', 'first', 'first', 'second', 'second'])
  await new Promise<void>((resolve) => broker.close(resolve))
})
