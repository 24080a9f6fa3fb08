import { Database } from 'bun:sqlite'
import { afterEach, expect, jest, test } from 'bun:test'
import { seeded } from '../../test/random.ts'
import { temporary } from '../../test/temporary.ts'
import type { Bus } from '../bus/bus.ts'
import { MemoryHub } from '../bus/memory.ts'
import { channels, type HeldEpoch, Replayed, type Row } from '../core/channels.ts'
import type { FeedSink } from '../core/feed-sink.ts'
import { beatOf, count, counts } from '../runtime/counts.test-aid.ts'
import { Spool } from '../runtime/spool/spool.ts'
import { answerText } from '../runtime/spool/stored-rows.ts'
import { follow } from './follow.ts'
import { lossy } from './lossy-bus.test-aid.ts'

const root = 'observatory'
const here = { root, instance: 'counter' }
afterEach(() => {
  jest.useRealTimers()
})

/** The half of an agent that a follower meets. */
async function serve(bus: Bus, spool: Spool, answers = (answer: Replayed): Replayed | undefined => answer) {
  spool.listen(
    (feed, rows) => {
      for (const { text } of rows) void bus.publishText(channels.feed, { ...here, feed }, text)
    },
    () => {},
  )
  await bus.subscribe(channels.replay, here, ({ id, feed, epoch, from, since, max_bytes }, { client }) => {
    const found = spool.read(feed, epoch, from, max_bytes, since)
    const answer = found && answers(Replayed.parse(JSON.parse(answerText(found))))
    if (answer) void bus.publish(channels.replayed, { ...here, client, id }, answer)
  })
  return () => beat(bus, spool.id, spool.held('counts'))
}

function beat(bus: Bus, spool: string, epochs: HeldEpoch[]): void {
  void bus.publish(channels.presence, here, beatOf(spool, epochs))
}

/** A sink that checks what it is promised: each row once, in order, the next after its position, gaps between. */
function strict({ busy = (): boolean => false } = {}) {
  const last = new Map<string, number>()
  const got: string[] = []
  const gaps: string[] = []
  const faults: string[] = []
  const sink: FeedSink = {
    wants: () => true,
    position: ({ epoch }) => last.get(epoch) ?? 0,
    rows: ({ epoch }, _, rows) => {
      if (busy()) return false
      for (const { seq = 0, epoch: of } of rows) {
        const before = last.get(epoch) ?? 0
        if (seq !== before + 1 || of !== epoch) faults.push(`${of} ${seq} after ${epoch} ${before}`)
        last.set(epoch, seq)
        got.push(`${epoch} ${seq}`)
      }
      return true
    },
    gap: ({ epoch }, from, to) => {
      const before = last.get(epoch) ?? 0
      if (from !== before + 1) faults.push(`gap ${from}-${to} after ${epoch} ${before}`)
      last.set(epoch, to)
      for (let seq = from; seq <= to; seq++) gaps.push(`${epoch} ${seq}`)
    },
  }
  return { sink, got, gaps, faults }
}

/** Resolves once a condition holds; it is looked at each turn of the event loop. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
/** Lets all that is under way in memory come about, while no time goes by. */
async function turns() {
  for (let n = 0; n < 20; n++) await Promise.resolve()
}

test('whatever is lost on the way, the sink gets each row once and in order, and gaps where the spool has them', async () => {
  // Side by side, since a lost answer is waited for 5 s.
  await Promise.all([1, 2, 3, 4, 5, 6, 7, Math.floor(1e6 * Math.random())].map(trouble))
})

/** Four starts of an agent whose rows and answers get lost, come twice and out of order, and some of whose rows are gone. */
async function trouble(seed: number): Promise<void> {
  const random = seeded(seed)
  const hub = new MemoryHub()
  const path = temporary('spool.sqlite')
  let loss = { drop: 0.2, twice: 0.2, late: 0.3 }
  const { sink, got, gaps, faults } = strict({ busy: () => loss.drop > 0 && random() < 0.1 })
  await using follower = await follow(
    lossy(hub.connect('reader'), random, () => loss),
    root,
    sink,
  )
  const kept: string[] = []
  const lost: string[] = []
  for (let epoch = 1; epoch <= 4; epoch++) {
    const spool = new Spool(path)
    const name = `e${epoch}`
    const agent = hub.connect('counter')
    const tell = await serve(agent, spool)
    tell()
    const rows = 50 + Math.floor(100 * random())
    for (let n = 1; n <= rows; n++) {
      spool.append('counts', counts, count(name, n))
      if (random() < 0.2) await spool.flush()
      if (random() < 0.1) tell()
      if (random() < 0.02) {
        hub.stop()
        await spool.flush()
        hub.start()
        tell()
      }
    }
    await spool.flush()
    // Some rows are gone from the disk before they were asked for, but none that the sink has.
    const db = new Database(path)
    for (let seq = 1; seq <= rows; seq++) {
      const gone = !got.includes(`${name} ${seq}`) && random() < 0.3
      if (gone)
        db.run('DELETE FROM rows WHERE seq = ? AND epoch = (SELECT id FROM epochs WHERE epoch = ?)', [
          seq,
          name,
        ])
      ;(gone ? lost : kept).push(`${name} ${seq}`)
    }
    db.close()
    await spool.close()
    await agent[Symbol.asyncDispose]()
  }
  loss = { drop: 0, twice: 0, late: 0 }
  const spool = new Spool(path)
  const tell = await serve(hub.connect('counter'), spool)
  const end = () => got.length + gaps.length >= kept.length + lost.length
  const beats = setInterval(tell, 20)
  await until(end)
  clearInterval(beats)
  await spool.close()
  expect(faults, `seed ${seed}`).toEqual([])
  // Rows in flight when they were deleted may have arrived all the same: a gap is only where the sink has no row.
  expect([...got, ...gaps].sort(), `seed ${seed}`).toEqual([...kept, ...lost].sort())
  expect(
    kept.filter((row) => gaps.includes(row)),
    `seed ${seed}`,
  ).toEqual([])
  expect(follower.state.behind).toBe(0)
}

test('of an epoch that is not held, or of which less is there than was told, nothing is waited for', async () => {
  const hub = new MemoryHub()
  const spool = new Spool(temporary('spool.sqlite'))
  const { sink, got } = strict()
  let asked = 0
  const agent = hub.connect('counter')
  await serve(agent, spool, (answer) => {
    asked++
    return answer
  })
  for (let n = 1; n <= 3; n++) spool.append('counts', counts, count('e1', n))
  await spool.flush()
  await using _ = await follow(hub.connect('reader'), root, sink)
  const told = (epoch: string, last: number) => ({ epoch, first: 1, last, acked: 0 })
  beat(agent, spool.id, [told('gone', 5), told('e1', 9)])
  await until(() => got.length === 3)
  spool.append('counts', counts, count('e1', 4))
  await until(() => got.length === 4)
  expect(got).toEqual(['e1 1', 'e1 2', 'e1 3', 'e1 4'])
  expect(asked).toBe(3)
  await spool.close()
})

test('an answer that never comes is asked for again at the next beat', async () => {
  jest.useFakeTimers()
  const hub = new MemoryHub()
  const agent = hub.connect('counter')
  const { sink, got } = strict()
  const asked: number[] = []
  const answer: Replayed = {
    feed: 'counts',
    epoch: 'e1',
    rows: [{ ...count('e1', 1), seq: 1 } as Row],
    declaration: counts,
    next: 2,
    head: 1,
  }
  await agent.subscribe(channels.replay, here, ({ id, from }, { client }) => {
    asked.push(from)
    if (asked.length > 1) void agent.publish(channels.replayed, { ...here, client, id }, answer)
  })
  await using _ = await follow(hub.connect('reader'), root, sink)
  const held = [{ epoch: 'e1', first: 1, last: 1, acked: 0 }]
  beat(agent, 's', held)
  await turns()
  beat(agent, 's', held)
  await turns()
  expect(asked).toEqual([1])
  jest.advanceTimersByTime(5001)
  await turns()
  expect(got).toEqual([])
  beat(agent, 's', held)
  await turns()
  expect([asked, got]).toEqual([[1, 1], ['e1 1']])
})

test.each([
  ['the hub goes', (hub: MemoryHub) => [hub.stop(), hub.start()]],
  ['the agent is lost', (_: MemoryHub, agent: Bus) => [leave(agent)]],
] as const)('an answer that cannot come any more is not waited for: %s', async (_, trouble) => {
  const hub = new MemoryHub()
  const spool = new Spool(temporary('spool.sqlite'))
  spool.append('counts', counts, count('e1', 1))
  await spool.flush()
  const { sink, got } = strict()
  const agent = hub.connect('counter')
  let asked = 0
  const tell = await serve(agent, spool, (answer) => (++asked === 1 ? undefined : answer))
  await using follower = await follow(hub.connect('reader'), root, sink)
  jest.useFakeTimers()
  tell()
  await turns()
  expect([asked, got]).toEqual([1, []])
  trouble(hub, agent)
  await turns()
  tell()
  await turns()
  expect([got, follower.state.behind]).toEqual([['e1 1'], 0])
  jest.useRealTimers()
  await spool.close()
})

/** What the hub says of an agent whose connection it has lost. */
function leave(agent: Bus): void {
  const about = { since: 0, time: 0, agent_class: 'X', host: 'h', pid: 1, version: '0' }
  void agent.publish(channels.presence, here, { state: 'lost', session: 's', ...about })
}

test('epochs that a list leaves out are read in their turn, not after the newest', async () => {
  const hub = new MemoryHub()
  const spool = new Spool(temporary('spool.sqlite'))
  const agent = hub.connect('counter')
  const { sink, got, faults, gaps } = strict()
  const tell = await serve(agent, spool)
  for (let n = 1; n <= 300; n++) spool.append('counts', counts, count(`e${n}`, n))
  await spool.flush()
  await using _ = await follow(hub.connect('reader'), root, sink)
  for (let round = 1; got.length < 300; round++) {
    const before = got.length
    tell()
    spool.append('counts', counts, count('e300', 1))
    await until(() => got.length > before)
    await spool.flush()
    for (const row of got) spool.acknowledge('counts', row.split(' ')[0] ?? '', 1)
    expect(round).toBeLessThan(100)
  }
  const order = got.map((row) => Number(row.slice(1).split(' ')[0]))
  expect(order).toEqual([...order].sort((a, b) => a - b))
  expect([faults, gaps]).toEqual([[], []])
  await spool.close()
})

test('a sink that throws ends nothing: it is said, and the feed is tried again', async () => {
  const hub = new MemoryHub()
  const spool = new Spool(temporary('spool.sqlite'))
  const tell = await serve(hub.connect('counter'), spool)
  spool.append('counts', counts, count('e1', 1))
  await spool.flush()
  const { sink, got } = strict()
  const bugs: unknown[] = []
  let calls = 0
  const throwing: FeedSink = {
    ...sink,
    rows: (...given) => {
      if (++calls === 1) throw new Error('a bug')
      return sink.rows(...given)
    },
  }
  await using _ = await follow(hub.connect('reader'), root, throwing, {}, (error) => bugs.push(error))
  tell()
  await until(() => bugs.length === 1)
  tell()
  await until(() => got.length === 1)
  await spool.close()
})

test('a million rows’ worth of epochs: 8 answers at a time at most, and nothing is taken after the end', async () => {
  const hub = new MemoryHub()
  const agent = hub.connect('counter')
  let open = 0
  let most = 0
  const answers: (() => void)[] = []
  const each = (instance: string) => ({ root, instance })
  for (let n = 1; n <= 20; n++) {
    await agent.subscribe(channels.replay, each(`a${n}`), ({ id, feed, epoch, from }, { client }) => {
      most = Math.max(most, ++open)
      answers.push(() => {
        open--
        const rows = [{ ...count(epoch, from), seq: from } as Row]
        const answer = { feed, epoch, rows, declaration: counts, next: from + 1, head: 3 }
        void agent.publish(channels.replayed, { ...each(`a${n}`), client, id }, answer)
      })
    })
  }
  const { sink, got } = strict()
  const follower = await follow(hub.connect('reader'), root, sink)
  for (let n = 1; n <= 20; n++) {
    const about = { since: 0, time: 0, agent_class: 'X', host: 'h', pid: 1, version: '0' }
    const epochs = [{ epoch: `e${n}`, first: 1, last: 3, acked: 0 }]
    const feeds = { counts: { spool: 's', epochs } }
    void agent.publish(channels.presence, each(`a${n}`), { state: 'online', session: 's', ...about, feeds })
  }
  while (got.length < 40) {
    await until(() => answers.length > 0)
    answers.shift()?.()
  }
  expect(most).toBe(8)
  await follower[Symbol.asyncDispose]()
  const then = got.length
  for (const answer of answers.splice(0)) answer()
  await new Promise((resolve) => setImmediate(resolve))
  expect(got.length).toBe(then)
})

test('a beat that comes while an answer is due does not let a row in twice', async () => {
  const hub = new MemoryHub()
  const agent = hub.connect('counter')
  const { sink, got, faults } = strict()
  const asked: (() => void)[] = []
  let head = 3
  const row = (seq: number): Row => ({ ...count('e1', seq), seq })
  await agent.subscribe(channels.replay, here, ({ id, from }, { client }) => {
    const rows = [1, 2, 3, 4, 5, 6].filter((seq) => seq >= from && seq <= head).map(row)
    const answer = { feed: 'counts', epoch: 'e1', rows, declaration: counts, next: head + 1, head }
    asked.push(() => void agent.publish(channels.replayed, { ...here, client, id }, answer))
  })
  await using _ = await follow(hub.connect('reader'), root, sink)
  const held = (last: number) => beat(agent, 's', [{ epoch: 'e1', first: 1, last, acked: 0 }])
  held(1)
  await until(() => asked.length === 1)
  asked.shift()?.()
  await until(() => got.length === 3)
  head = 6
  for (const seq of [6, 5]) void agent.publish(channels.feed, { ...here, feed: 'counts' }, row(seq))
  await until(() => asked.length === 1)
  // An older beat, on its way for long: by it nothing is missing.
  held(3)
  for (const seq of [4, 5, 6]) void agent.publish(channels.feed, { ...here, feed: 'counts' }, row(seq))
  await new Promise((resolve) => setImmediate(resolve))
  asked.shift()?.()
  await until(() => got.length >= 6)
  await new Promise((resolve) => setImmediate(resolve))
  expect([got.length, faults]).toEqual([6, []])
})

test('nothing is asked for but the feeds that are wanted, and whether their agents are there', async () => {
  const bus = new MemoryHub().connect('reader')
  const asked: unknown[] = []
  const watched: Bus = {
    ...bus,
    subscribe: (to, address, ...rest) => {
      if (to.pattern === channels.feed.pattern || to.pattern === channels.presence.pattern)
        asked.push(address)
      return bus.subscribe(to, address, ...rest)
    },
  }
  const of = [{ instance: 'a', feed: 'x' }, { instance: 'a', feed: 'y' }, { instance: 'b' }]
  await using _ = await follow(watched, root, strict().sink, { of })
  expect(asked).toEqual([
    ...of.map((each) => ({ root, ...each })),
    { root, instance: 'a' },
    { root, instance: 'b' },
  ])
})
