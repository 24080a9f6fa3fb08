import { heapStats } from 'bun:jsc'
import { afterEach, expect, jest, test } from 'bun:test'
import { z } from 'zod'
import type { OpSpec, SessionHandle } from '../core/agent.ts'
import { OpError, TransportError } from '../core/errors.ts'
import { OpSession, opCodeOf, toldOf } from '../core/ops.ts'
import { Operation } from './operation.ts'

const me = { client: 'me', level: 3 } as const
const spec = (kind: OpSpec['kind']): OpSpec => ({
  kind,
  help: 'A test.',
  params: z.object({ n: z.number().min(0).default(1) }),
  data: undefined,
  startup: () => false,
  min_privs: 1,
})

/** A run of the operation's function, held until the test ends it. */
interface Run {
  readonly session: SessionHandle<unknown>
  readonly signal: AbortSignal
  readonly end: PromiseWithResolvers<unknown>
}

/** An operation whose function ends on command, and everything that was seen of its sessions. */
function held(kind: OpSpec['kind']) {
  const runs: Run[] = []
  const seen: OpSession[] = []
  const bugs: unknown[] = []
  let id = 0
  const operation = new Operation('op', spec(kind), {
    nextSessionId: () => id++,
    run(_, session, signal) {
      const end = Promise.withResolvers<unknown>()
      runs.push({ session, signal, end })
      return end.promise
    },
    changed: (session) => seen.push(structuredClone(session)),
    log: () => {},
    bug: (error) => bugs.push(error),
  })
  return { operation, runs, seen, bugs }
}
const last = ({ operation }: ReturnType<typeof held>) => operation.session?.messages.at(-2)?.[1]
const ticks = async () => {
  for (let n = 0; n < 10; n++) await Promise.resolve()
}

afterEach(() => {
  jest.useRealTimers()
})

test('a run is given a password, and its session does not tell it', async () => {
  const seen: OpSession[] = []
  const given: unknown[] = []
  const params = z.object({ user: z.string(), password: z.string() })
  const operation = new Operation(
    'op',
    { ...spec('task'), params },
    {
      nextSessionId: () => 0,
      run: async (values) => given.push(values),
      changed: (session) => seen.push(structuredClone(session)),
      log: () => {},
      bug: () => {},
    },
  )
  operation.start({ user: 'maya', password: 'correct horse' }, me)
  await ticks()
  expect(seen[0]?.params).toEqual({ user: 'maya', password: '***' })
  expect(JSON.stringify(seen)).not.toContain('horse')
  expect(given).toEqual([{ user: 'maya', password: 'correct horse' }])
})

test('how a run ends: what it returned or threw is its closing message', async () => {
  const cyclic: unknown[] = []
  cyclic.push(cyclic)
  const cases: [how: 'resolve' | 'reject', value: unknown, success: boolean, message: string | RegExp][] = [
    ['resolve', undefined, true, 'Status is now "running".'],
    ['resolve', 'done it', true, 'done it'],
    ['resolve', { a: [1, Number.NaN, undefined] }, true, '{"a":[1,"NaN",null]}'],
    ['resolve', () => 1, true, 'What it returned is left out: a function cannot be sent.'],
    ['resolve', cyclic, true, 'What it returned is left out: data that contains itself cannot be sent.'],
    ['resolve', 'x'.repeat(50_000), true, /^x{10000}…$/],
    ['reject', new OpError('no such channel'), false, 'no such channel'],
    ['reject', new TransportError('unplugged'), false, 'unplugged'],
    ['reject', new RangeError('a bug'), false, 'a bug'],
    ['reject', 'text', false, 'text'],
    ['reject', undefined, false, 'undefined'],
  ]
  for (const [how, value, success, message] of cases) {
    const on = held('task')
    on.operation.start({}, me)
    await ticks()
    on.runs[0]?.end[how](value)
    expect((await on.operation.wait(undefined)).status).toBe(0)
    expect(on.operation.session?.success).toBe(success)
    if (typeof message === 'string') expect(last(on)).toBe(message)
    else expect(last(on)).toMatch(message)
    const known = value instanceof OpError || value instanceof TransportError
    expect(on.bugs).toEqual(how === 'reject' && !known ? [value] : [])
  }
})

test('stopped or aborted: by its signal, an error of its own, or words of its own', async () => {
  const abort = new DOMException('gone', 'AbortError')
  const cases: ['task' | 'process', 'resolve' | 'reject', unknown, boolean, string][] = [
    ['task', 'resolve', undefined, false, 'Aborted.'],
    ['task', 'reject', abort, false, 'Aborted.'],
    ['task', 'reject', new OpError('Aborted at 3 K'), false, 'Aborted at 3 K'],
    ['process', 'resolve', undefined, true, 'Status is now "stopping".'],
    ['process', 'reject', abort, true, 'Status is now "stopping".'],
    ['process', 'reject', new TransportError('closed'), true, 'Status is now "stopping".'],
    ['process', 'reject', new OpError('the file could not be closed'), false, 'the file could not be closed'],
  ]
  for (const [kind, how, value, success, message] of cases) {
    const on = held(kind)
    on.operation.start({}, me)
    await ticks()
    on.operation.end(kind === 'task' ? 'abort' : 'stop', { by: 'maya' })
    expect(on.runs[0]?.signal.aborted).toBe(true)
    on.runs[0]?.end[how](value)
    await on.operation.wait(undefined)
    expect([kind, on.operation.session?.success, last(on)]).toEqual([kind, success, message])
  }
})

test('ended before it has begun: its function is not called at all', async () => {
  for (const kind of ['task', 'process'] as const) {
    const on = held(kind)
    on.operation.start({}, me)
    expect(on.operation.end(kind === 'task' ? 'abort' : 'stop', { by: 'maya' }).status).toBe(0)
    await on.operation.wait(undefined)
    expect(on.runs.length).toBe(0)
    expect(on.operation.session).toMatchObject({ status: 'done', success: kind === 'process' })
    expect(on.seen.map(({ status }) => status).includes('running')).toBe(false)
  }
})

test('one that does not heed its signal is said to be still stopping; callers and the agent go on', async () => {
  jest.useFakeTimers()
  const on = held('process')
  on.operation.start({}, me)
  await ticks()
  on.operation.end('stop', { by: 'maya' })
  expect(on.operation.session?.transitions?.at(-1)).toEqual([expect.any(Number), 'stopping', 'maya'])
  const waiting = on.operation.wait(30)
  jest.advanceTimersByTime(10_000)
  expect(on.operation.session?.messages.at(-1)?.[1]).toBe(
    'Still stopping after 10 s: it has not reacted to the signal.',
  )
  jest.advanceTimersByTime(20_000)
  expect((await waiting).msg).toBe('Operation "op" is still stopping; wait timed out.')
  const shutdown = on.operation.shutdown(3000)
  jest.advanceTimersByTime(3000)
  await shutdown
  expect(on.operation.session).toMatchObject({ status: 'done', success: false })
  expect(last(on)).toBe('The agent stops without waiting for it: it did not end within 3 s of the signal.')
  const before = structuredClone(on.operation.session)
  on.runs[0]?.end.resolve('late')
  await ticks()
  expect(on.operation.session).toEqual(before)
})

test('a wait longer than a timer can run does not end at once', async () => {
  jest.useFakeTimers()
  const on = held('task')
  on.operation.start({}, me)
  await ticks()
  let over = false
  const waiting = on.operation.wait(1e9).then(() => {
    over = true
  })
  jest.advanceTimersByTime(86_400_000)
  await ticks()
  expect(over).toBe(false)
  on.runs[0]?.end.resolve('')
  await waiting
})

test('waits that time out leave nothing behind', async () => {
  jest.useFakeTimers()
  const on = held('process')
  on.operation.start({}, me)
  await ticks()
  const left = () => {
    Bun.gc(true)
    return heapStats().objectTypeCounts['Promise'] ?? 0
  }
  const round = async () => {
    const waits = Array.from({ length: 2000 }, () => on.operation.wait(1))
    jest.advanceTimersByTime(1000)
    expect((await Promise.all(waits)).every(({ status }) => status === 1)).toBe(true)
  }
  await round()
  const before = left()
  for (let n = 0; n < 5; n++) await round()
  expect(left() - before).toBeLessThan(3000)
  on.runs[0]?.end.resolve('')
})

test('a function that goes on after its end changes no later session', async () => {
  const on = held('task')
  on.operation.start({}, me)
  await ticks()
  on.runs[0]?.session.set({ n: 1 })
  on.runs[0]?.end.resolve('')
  await on.operation.wait(undefined)
  on.operation.start({}, me)
  await ticks()
  const old = on.runs[0]?.session
  old?.set({ n: 2 })
  old?.log('from the past')
  if (old) old.degraded = true
  expect(on.operation.session).toMatchObject({ session_id: 1, data: {}, degraded: false })
  expect(on.operation.session?.messages.map(([, text]) => text)).not.toContain('from the past')
  expect(old?.data).toEqual({ n: 1 })
  on.runs[1]?.end.resolve('')
})

test('data too large for the hub is left out and said so once; what JSON cannot hold is the function’s error', async () => {
  const on = held('process')
  on.operation.start({}, me)
  await ticks()
  const handle = on.runs[0]?.session
  for (let n = 0; n < 3; n++) handle?.set({ text: 'x'.repeat(2 << 20) })
  expect(on.operation.session?.data).toEqual({})
  expect(on.operation.session?.messages.filter(([, text]) => text.includes('not shown')).length).toBe(1)
  handle?.set({ x: -Infinity })
  expect(on.operation.session?.data).toEqual({ x: '-Infinity' })
  expect(() => handle?.set({ f: () => 1 })).toThrow('a function cannot be sent')
  expect(on.operation.session?.data).toEqual({ x: '-Infinity' })
  on.runs[0]?.end.resolve('')
})

/** Whole numbers below `n`, the same sequence for the same seed (xorshift32). */
function random(seed: number): (n: number) => number {
  let state = seed * 2_654_435_761 || 1
  return (n) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % n
  }
}

const order = ['starting', 'running', 'stopping', 'done']

/** Checks that a session is valid in itself and as a successor of the previous one. */
function legal(now: OpSession, before: OpSession | undefined): void {
  expect(now.op_code).toBe(opCodeOf(now))
  expect(now.end_time !== null).toBe(now.status === 'done')
  expect(now.success !== null).toBe(now.status === 'done')
  if (now.status === 'done') expect(now.degraded).toBe(false)
  expect(now.messages.length).toBeLessThanOrEqual(100)
  if (!before) expect(now.status).toBe('starting')
  else if (before.session_id === now.session_id) {
    expect(order.indexOf(now.status)).toBeGreaterThanOrEqual(order.indexOf(before.status))
    if (before.status === 'done') expect(now).toEqual(before)
  } else {
    expect([before.status, now.status]).toEqual(['done', 'starting'])
    expect(now.session_id).toBe(before.session_id + 1)
  }
}

for (const kind of ['task', 'process'] as const) {
  test(`random verbs from several clients: no illegal state, none stuck (${kind})`, async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const pick = random(seed)
      const on = held(kind)
      const { operation, runs } = on
      const waits: Promise<unknown>[] = []
      const deeds: (() => unknown)[] = [
        () =>
          expect([0, -1]).toContain(
            operation.start({ n: pick(3) - 1 }, { client: `c${pick(3)}`, level: 3 }).status,
          ),
        () => void operation.end(kind === 'task' ? 'abort' : 'stop', { by: 'maya' }),
        () => void operation.end(kind === 'task' ? 'stop' : 'abort', { by: 'maya' }),
        () => void waits.push(operation.wait([undefined, 0, -1, 0.001][pick(4)])),
        () => expect(operation.status().status).toBe(0),
        () => runs.at(-1 - pick(2))?.end.resolve(['', 'said', {}, () => 1][pick(4)]),
        () =>
          runs
            .at(-1 - pick(2))
            ?.end.reject([new OpError('no'), new TransportError('gone'), new Error('bug')][pick(3)]),
        () => runs.at(-1 - pick(2))?.session.set({ n: pick(9) }),
        () => runs.at(-1 - pick(2))?.session.log('a line'),
        () => {
          const run = runs.at(-1 - pick(2))
          if (run) run.session.degraded = pick(2) === 1
        },
        () => ticks(),
        () => ticks(),
      ]
      for (let step = 0; step < 300; step++) {
        // No pause between two verbs, unless a pause was picked.
        const pause = deeds[pick(deeds.length)]?.()
        if (pause instanceof Promise) await pause
        if (operation.session) legal(operation.session, on.seen.at(-1))
      }
      operation.end(kind === 'task' ? 'abort' : 'stop', { by: 'maya' })
      await ticks()
      for (const { end } of runs) end.resolve('')
      await Promise.all(waits)
      expect([seed, operation.active]).toEqual([seed, false])
      expect(on.seen.length).toBeGreaterThan(20)
      for (const [at, session] of on.seen.entries()) legal(session, on.seen[at - 1])
    }
  })
}

test('a session carries its states, each from when on and why; recovery erases none', async () => {
  jest.useFakeTimers()
  const begun = Date.now()
  const on = held('process')
  on.operation.start({}, me)
  await ticks()
  const session = on.runs[0]?.session
  if (!session) throw new Error('it has not begun')
  // A message from another turn of the event loop is not the reason for a change of state.
  const after = async (ms: number) => {
    await ticks()
    jest.setSystemTime(begun + ms)
  }
  session.log('8 channels')
  await after(1000)
  session.degrade('cable pulled')
  session.degrade('cable pulled')
  await after(2000)
  session.degraded = false
  await after(3000)
  session.degraded = true
  session.log('no answer')
  session.log('still none')
  await after(4000)
  on.runs[0]?.end.reject(new OpError('gave up'))
  await ticks()
  const at = (ms: number) => (begun + ms) / 1000
  expect(on.operation.session?.transitions).toEqual([
    [at(0), 'starting', ''],
    [at(0), 'running', ''],
    [at(1000), 'degraded', 'cable pulled'],
    [at(2000), 'running', ''],
    [at(3000), 'degraded', 'no answer'],
    [at(4000), 'failed', 'gave up'],
  ])
  const { messages, message_kinds } = on.operation.session ?? {}
  expect(message_kinds?.map((kind, i) => (kind === 'said' ? messages?.[i]?.[1] : kind))).toEqual([
    ...['status', 'status', '8 channels', 'cable pulled', 'no answer', 'still none', 'gave up', 'status'],
  ])
})

test('what is told of a session: why it is degraded; once it runs again, nothing of before', async () => {
  jest.useFakeTimers()
  const on = held('process')
  on.operation.start({}, me)
  await ticks()
  const session = on.runs[0]?.session
  if (!session) throw new Error('it has not begun')
  const told = () => toldOf(on.operation.session)
  session.log('8 channels')
  expect(told()).toBe('8 channels')
  session.degrade('cable pulled')
  session.log('tried again')
  expect(told()).toBe('cable pulled')
  jest.setSystemTime(Date.now() + 1000)
  session.degraded = false
  expect(told()).toBe('')
  session.log('read again')
  expect(told()).toBe('read again')
})

test('a session keeps its newest 100 states and counts the others', async () => {
  const on = held('process')
  on.operation.start({}, me)
  await ticks()
  const session = on.runs[0]?.session
  for (let i = 0; i < 150; i++) if (session) session.degraded = i % 2 === 0
  const { transitions, transitions_dropped } = on.operation.session ?? {}
  expect([transitions?.length, transitions_dropped]).toEqual([100, 52])
  expect(OpSession.safeParse(on.operation.session).success).toBe(true)
})

test('a refusal says for programs why', async () => {
  const on = held('process')
  expect(on.operation.end('stop', { by: 'maya' }).kind).toBe('idle')
  expect(on.operation.start({ n: -1 }, me).kind).toBe('params')
  on.operation.start({}, me)
  expect(on.operation.start({}, me).kind).toBe('running')
  on.operation.end('stop', { by: 'maya' })
  expect(on.operation.end('stop', { by: 'maya' }).kind).toBe('idle')
})

test('another reason to be degraded is a state of its own; the same one again is none', async () => {
  jest.useFakeTimers()
  const on = held('process')
  on.operation.start({}, me)
  await ticks()
  const session = on.runs[0]?.session
  for (const why of ['it was moved', 'it was moved', 'mount its disk again', 'mount its disk again'])
    session?.degrade(why)
  expect(on.operation.session?.transitions?.map(([, state, why]) => [state, why]).slice(2)).toEqual([
    ['degraded', 'it was moved'],
    ['degraded', 'mount its disk again'],
  ])
  expect(toldOf(on.operation.session)).toBe('mount its disk again')
})

test('what was said long before is not why an operation is degraded', async () => {
  const on = held('process')
  on.operation.start({}, me)
  await ticks()
  const session = on.runs[0]?.session
  session?.log('0.17 s too late')
  await ticks()
  if (session) session.degraded = true
  await ticks()
  session?.log('tried again')
  expect(on.operation.session?.transitions?.at(-1)?.[2]).toBe('')
})
