import { afterEach, expect, spyOn, test } from 'bun:test'
import { z } from 'zod'
import { temporary } from '../../test/temporary.ts'
import { MemoryHub } from '../bus/memory.ts'
import { type Agent, defineAgent } from '../core/agent.ts'
import { channels, type Replayed, type Row } from '../core/channels.ts'
import type { FeedPublisher } from '../core/feed-spec.ts'
import { caller } from '../lab/request-client.ts'
import { runAgent } from './run-agent.ts'
import { Spool } from './spool/spool.ts'

/** A number that occurs nowhere else in JSON. */
const MARK = 0.123456789

const spies: { mockRestore(): void }[] = []
afterEach(() => {
  for (const spy of spies.splice(0)) spy.mockRestore()
})

/**
 * Counts from now on how often the mark is written as JSON and parsed from it, including within any text that
 * contains `word`.
 */
function counting(word: string) {
  const stringify = spyOn(JSON, 'stringify')
  const parse = spyOn(JSON, 'parse')
  spies.push(stringify, parse)
  stringify.mockClear()
  parse.mockClear()
  const has = (text: unknown) => String(text).includes(String(MARK)) && String(text).includes(word)
  return () => ({
    written: stringify.mock.results.filter(({ value }) => has(value)).length,
    read: parse.mock.calls.filter(([text]) => has(text)).length,
  })
}

const root = 'observatory'

async function marking() {
  const feeds = Promise.withResolvers<Readonly<Record<'kept' | 'words', FeedPublisher>>>()
  const agent = defineAgent({
    class: 'MarkAgent',
    help: 'Publishes.',
    args: z.object({}),
    feeds: {
      kept: { help: 'A block.', record: true, blocks: { temps: { T: { units: 'K' } } } },
      words: { help: 'Anything.', record: false, blocks: {} },
    },
    connect: async () => ({}),
  })
    .process('acq', { help: 'Wait.', startup: true }, async (op) => {
      feeds.resolve(op.feeds)
      await new Promise<void>((resolve) => op.signal.addEventListener('abort', () => resolve()))
    })
    .task('mark', { help: 'Shows the mark.', data: z.unknown() }, async ({ session }) => {
      session.set({ marked: [MARK] })
    })
    .process('wobble', { help: 'Is degraded.' }, async ({ session }) => {
      session.degrade(`not ${MARK}`)
    })
    .query('told', { help: 'Tells the mark.', params: z.object({}) }, async () => ({ marked: [MARK] }))
  const hub = new MemoryHub()
  const spool = new Spool(temporary('spool.sqlite'))
  const running = await runAgent({
    agent: agent as unknown as Agent,
    args: {},
    identity: { root, instance: 'it', agentClass: 'MarkAgent', session: 's', since: 1, version: '0' },
    bus: hub.connect('it'),
    spool,
    log: () => {},
  })
  const reader = hub.connect('reader')
  return { ...(await feeds.promise), hub, reader, [Symbol.asyncDispose]: () => running.stop() }
}

test('a row becomes JSON once, for the disk and for the hub, and for whoever asks for it again not at all', async () => {
  await using at = await marking()
  const { promise: live, resolve: heard } = Promise.withResolvers<Row>()
  await at.reader.subscribe(channels.feed, { root, instance: 'it' }, heard)
  const count = counting('"block":"temps"')
  at.kept.publish('temps', 1_700_000_000, { T: MARK })
  const row = await live
  expect(row.data).toEqual({ T: [MARK] })
  expect(count()).toEqual({ written: 1, read: 1 })
  const { promise: again, resolve: answered } = Promise.withResolvers<Replayed>()
  await at.reader.subscribe(channels.replayed, { root, client: 'reader' }, answered)
  const question = { id: 'q', feed: 'kept', epoch: row.epoch, from: 1, max_bytes: 1000 }
  void at.reader.publish(channels.replay, { root, instance: 'it', client: 'reader' }, question)
  const { rows, next, head } = await again
  expect({ rows, next, head }).toEqual({ rows: [row], next: 2, head: 1 })
  expect(count()).toEqual({ written: 1, read: 2 })
})

test('a message of a feed without blocks becomes JSON once', async () => {
  await using at = await marking()
  const { promise: live, resolve: heard } = Promise.withResolvers<unknown>()
  await at.reader.subscribe(channels.message, { root }, heard)
  const count = counting('"said"')
  at.words.send({ said: MARK })
  expect(await live).toMatchObject({ message: { said: MARK } })
  expect(count()).toEqual({ written: 1, read: 1 })
})

test('an answer becomes JSON once: a result, and a session with its data', async () => {
  await using at = await marking()
  await using ask = await caller(at.reader, root)
  const result = counting('"marked"')
  expect(await ask.query('it', 'told', {})).toEqual({ marked: [MARK] })
  expect(result()).toEqual({ written: 1, read: 1 })
  await ask.request('it', 'mark', 'start')
  await ask.request('it', 'mark', 'wait')
  const session = counting('"marked"')
  expect((await ask.request('it', 'mark', 'status')).session).toMatchObject({ data: { marked: [MARK] } })
  expect(session()).toEqual({ written: 1, read: 1 })
})

test('a session whose state changes becomes JSON once, for the history and for the hub', async () => {
  await using at = await marking()
  await using ask = await caller(at.reader, root)
  const { promise: degraded, resolve } = Promise.withResolvers<void>()
  await at.reader.subscribe(channels.session, { root, op: 'wobble' }, (doc) => doc.degraded && resolve())
  const count = counting('"degraded":true')
  await ask.request('it', 'wobble', 'start')
  await degraded
  // The agent receives its own publications while it looks for leftovers of an earlier version: it does not
  // parse them.
  expect(count()).toEqual({ written: 1, read: 1 })
})
