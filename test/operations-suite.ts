import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import type { Bus } from '../src/bus/bus.ts'
import { type Agent, defineAgent } from '../src/core/agent.ts'
import { channels, type Reply, type Request } from '../src/core/channels.ts'
import { OpError } from '../src/core/errors.ts'
import type { OpSession } from '../src/core/ops.ts'
import { type RunAgent, runAgent } from '../src/runtime/run-agent.ts'
import { SessionStore } from '../src/runtime/session-store.ts'

const root = 'observatory'
type Asked = Partial<Request> & { action: string; op: string }
type Send = (asked: Asked) => Promise<Reply>

const params = z.object({
  how: z.enum(['return', 'throw', 'run', 'degrade', 'ignore']).default('run').describe('what it does'),
  level: z.number().min(0).max(5).default(1).describe('how much').meta({ units: 'K' }),
})

/** A task and a process that do what their parameters say; `release` ends those that ignore their signal. */
function obedient() {
  const held: (() => void)[] = []
  const ran = { count: 0 }
  const run = async (
    how: z.output<typeof params>['how'],
    session: { degraded: boolean; set(data: unknown): void },
    signal: AbortSignal,
  ) => {
    ran.count++
    session.set({ nan: Number.NaN, high: Infinity, low: [-Infinity] })
    if (how === 'throw') throw new OpError('failed as asked')
    if (how === 'return') return 'closing words'
    if (how === 'degrade') session.degraded = true
    await new Promise<void>((resolve) => {
      held.push(resolve)
      if (how !== 'ignore') signal.addEventListener('abort', () => resolve())
    })
    return undefined
  }
  const agent = defineAgent({
    class: 'ObedientAgent',
    help: 'Does as told.',
    args: z.object({}),
    feeds: {},
    connect: async () => ({}),
  })
    .task('task', { help: 'A task.', params }, (op) => run(op.params.how, op.session, op.signal))
    .process('process', { help: 'A process.', params }, (op) => run(op.params.how, op.session, op.signal))
    .process('advanced', { help: 'Takes level 2.', min_privs: 2 }, async () => {})
  const release = () => {
    for (const end of held.splice(0)) end()
  }
  return { agent: agent as unknown as Agent, release, ran }
}

/** Sends an agent a request from one client and waits for the answer. */
async function asker(bus: Bus, instance: string): Promise<Send> {
  const waiting = new Map<string, (reply: Reply) => void>()
  await bus.subscribe(channels.reply, { root, client: bus.client }, (reply) => waiting.get(reply.id)?.(reply))
  return ({ action, op, ...more }) => {
    const request = { id: crypto.randomUUID(), sent: Date.now() / 1000, timeout: 5, params: {}, ...more }
    const address = { root, instance, op, action, client: bus.client }
    return new Promise((resolve) => {
      waiting.set(request.id, resolve)
      if (action === 'query')
        void bus.publish(channels.query, { root, instance, query: op, client: bus.client }, request)
      else void bus.publish(channels.request, address, request)
    })
  }
}

const sessionOf = ({ session }: Reply) =>
  session && 'status' in session ? (session as OpSession) : undefined

type State = 'never' | 'running' | 'degraded' | 'stopping' | 'succeeded' | 'failed' | 'earlier'
type Verb = 'start' | 'wait' | 'end' | 'wrong' | 'status'

/**
 * The result of each verb in each state: status, message (K kind, V verb that ends it), status of the session
 * shown.
 */
const table: Record<State, Record<Verb, readonly [number, string, string | undefined]>> = {
  never: {
    start: [0, 'Started K "K".', 'starting'],
    wait: [0, 'Idle.', undefined],
    end: [-1, 'No session active.', undefined],
    wrong: [-1, 'Cannot W "K": it is a K; use V.', undefined],
    status: [0, 'No session active.', undefined],
  },
  running: {
    start: [-1, 'Operation "K" already in progress.', 'running'],
    wait: [1, 'Operation "K" is still running; wait timed out.', 'running'],
    end: [0, 'Requested V on K "K".', 'stopping'],
    wrong: [-1, 'Cannot W "K": it is a K; use V.', undefined],
    status: [0, 'Session active.', 'running'],
  },
  degraded: {
    start: [-1, 'Operation "K" already in progress.', 'running'],
    wait: [1, 'Operation "K" is still running; wait timed out.', 'running'],
    end: [0, 'Requested V on K "K".', 'stopping'],
    wrong: [-1, 'Cannot W "K": it is a K; use V.', undefined],
    status: [0, 'Session active.', 'running'],
  },
  stopping: {
    start: [-1, 'Operation "K" already in progress.', 'stopping'],
    wait: [1, 'Operation "K" is still stopping; wait timed out.', 'stopping'],
    end: [-1, 'The operation is already stopping.', 'stopping'],
    wrong: [-1, 'Cannot W "K": it is a K; use V.', undefined],
    status: [0, 'Session active.', 'stopping'],
  },
  succeeded: {
    start: [0, 'Started K "K".', 'starting'],
    wait: [0, 'Operation "K" is currently not running (SUCCEEDED).', 'done'],
    end: [-1, 'The operation is already done.', 'done'],
    wrong: [-1, 'Cannot W "K": it is a K; use V.', undefined],
    status: [0, 'Session active.', 'done'],
  },
  failed: {
    start: [0, 'Started K "K".', 'starting'],
    wait: [0, 'Operation "K" is currently not running (FAILED).', 'done'],
    end: [-1, 'The operation is already done.', 'done'],
    wrong: [-1, 'Cannot W "K": it is a K; use V.', undefined],
    status: [0, 'Session active.', 'done'],
  },
  earlier: {
    start: [0, 'Started K "K".', 'starting'],
    wait: [0, 'Operation "K" is currently not running (FAILED).', 'done'],
    end: [-1, 'The operation is already done.', 'done'],
    wrong: [-1, 'Cannot W "K": it is a K; use V.', undefined],
    status: [0, 'Session active.', 'done'],
  },
}
const hows = { running: 'run', degraded: 'degrade', stopping: 'ignore', succeeded: 'return', failed: 'throw' }

/**
 * How agents handle requests, on one kind of bus, or one broker.
 * @param stamps whether the hub says who asks, whatever the request claims
 */
export function operationsSuite(
  kind: string,
  connect: (client: string) => Promise<Bus>,
  stamps: boolean,
): void {
  let count = 0
  async function lab(more: Partial<RunAgent> = {}) {
    const instance = `it-${count++}`
    const { agent, release, ran } = obedient()
    const identity = {
      root,
      instance,
      agentClass: 'ObedientAgent',
      session: crypto.randomUUID(),
      since: 1,
      version: '0',
    }
    const bus = await connect(instance)
    const running = await runAgent({ agent, args: {}, identity, bus, log: () => {}, ...more })
    const mine = await connect(`me-${instance}`)
    const ask = await asker(mine, instance)
    const others: Bus[] = []
    return {
      instance,
      ask,
      ran,
      release,
      mine,
      async another() {
        const other = await connect(`other-${instance}-${others.length}`)
        others.push(other)
        return asker(other, instance)
      },
      async [Symbol.asyncDispose]() {
        release()
        await running.stop()
        for (const one of [bus, mine, ...others]) await one[Symbol.asyncDispose]()
      },
    }
  }

  /** Resolves once the session of an operation on the bus is as wanted. */
  async function sees(bus: Bus, instance: string, op: string, wanted: (session: OpSession) => boolean) {
    const { promise, resolve } = Promise.withResolvers<void>()
    await using _ = await bus.subscribe(
      channels.session,
      { root, instance, op },
      (now) => wanted(now) && resolve(),
    )
    await promise
  }

  /** A store left by an earlier process, in which an operation has failed. */
  function store(op: string): SessionStore {
    const store = new SessionStore()
    const session_id = store.nextId()
    const about = { op_name: op, started_by: 'me', data: {}, messages: [], start_time: 1, end_time: null }
    store.save({ ...about, session_id, status: 'done', op_code: 6, success: false, degraded: false })
    return store
  }

  async function bring(state: State, op: 'task' | 'process') {
    const on = await lab(state === 'earlier' ? { sessions: store(op) } : {})
    if (state === 'never' || state === 'earlier') return on
    await on.ask({ action: 'start', op, params: { how: hows[state] } })
    if (state === 'succeeded' || state === 'failed') await on.ask({ action: 'wait', op })
    else
      await sees(
        on.mine,
        on.instance,
        op,
        ({ status, degraded }) => status === 'running' && degraded === (state === 'degraded'),
      )
    if (state === 'stopping') await on.ask({ action: op === 'task' ? 'abort' : 'stop', op })
    return on
  }

  describe(kind, () => {
    for (const op of ['task', 'process'] as const) {
      const [right, wrong] = op === 'task' ? ['abort', 'stop'] : ['stop', 'abort']
      for (const state of Object.keys(table) as State[]) {
        test(`${op}, ${state}: each verb`, async () => {
          for (const [verb, [status, msg, shown]] of Object.entries(table[state])) {
            await using on = await bring(state, op)
            const action = { end: right, wrong }[verb] ?? verb
            const reply = await on.ask({ action, op, wait: 0.02 })
            const text = msg.replaceAll('K', op).replaceAll('V', right).replaceAll('W', wrong)
            expect(`${verb}: ${reply.status} ${reply.msg}`).toBe(`${verb}: ${status} ${text}`)
            expect(`${verb}: ${sessionOf(reply)?.status}`).toBe(`${verb}: ${shown}`)
            if (state === 'earlier' && verb === 'start') expect(sessionOf(reply)?.session_id).toBe(1)
          }
        })
      }
    }

    test('what there is not: an operation, an action, a query, a parameter', async () => {
      await using on = await lab()
      for (const action of ['start', 'wait', 'stop', 'abort', 'status']) {
        const { status, msg, session } = await on.ask({ action, op: 'nope' })
        expect([status, msg, session]).toEqual([
          -1,
          `No operation "nope" (${on.instance} has: task, process, advanced).`,
          {},
        ])
      }
      expect((await on.ask({ action: 'begin', op: 'task' })).msg).toBe(
        'No action "begin" (there are: start, wait, stop, abort, status).',
      )
      expect((await on.ask({ action: 'query', op: 'nope' })).msg).toBe(
        `No query "nope" (${on.instance} has: history, lock, unlock).`,
      )
      const wrong = await on.ask({ action: 'start', op: 'task', params: { how: 'fly', level: 9, x: 1 } })
      expect([wrong.status, wrong.session]).toEqual([-1, {}])
      expect(wrong.msg).toContain('"how": one of return, throw, run, degrade, ignore, given "fly"')
      expect(wrong.msg).toContain('"level": Too big: expected number to be <=5, given 9')
      expect(wrong.msg).toContain('there is no parameter "x"')
      expect((await on.ask({ action: 'status', op: 'task' })).msg).toBe('No session active.')
    })

    test('wait: at once, for a while, as long as it takes', async () => {
      await using on = await lab()
      await on.ask({ action: 'start', op: 'task', params: { how: 'run' } })
      for (const wait of [-1, 0, 0.01])
        expect((await on.ask({ action: 'wait', op: 'task', wait })).status).toBe(1)
      expect((await on.ask({ action: 'wait', op: 'task', timeout: 0.5 })).status).toBe(1)
      const forever = on.ask({ action: 'wait', op: 'task', wait: null })
      const long = on.ask({ action: 'wait', op: 'task', wait: 1e9 })
      await on.ask({ action: 'status', op: 'task' })
      on.release()
      for (const reply of [await forever, await long]) {
        expect(reply.msg).toBe('Operation "task" is currently not running (SUCCEEDED).')
      }
    })

    test('what is not finite is kept, in the session and in the history', async () => {
      await using on = await lab()
      await on.ask({ action: 'start', op: 'task', params: { how: 'return', level: 2 }, by: 'maya@grumpy' })
      const reply = await on.ask({ action: 'wait', op: 'task' })
      const expected = {
        data: { nan: 'NaN', high: 'Infinity', low: ['-Infinity'] },
        params: { how: 'return', level: 2 },
        started_by: on.mine.client,
        started_from: 'maya@grumpy',
        cred_level: 3,
        success: true,
        op_code: 5,
      }
      expect(sessionOf(reply)).toMatchObject(expected)
      expect(sessionOf(reply)?.messages.map(([, text]) => text)).toEqual([
        'Status is now "starting".',
        'Status is now "running".',
        'closing words',
        'Status is now "done".',
      ])
      const { result } = await on.ask({ action: 'query', op: 'history', params: { op: 'task' } })
      expect(result).toMatchObject({ sessions: [expected] })
    })

    test('a request that comes twice acts once; a late one, or one from before the agent, not at all', async () => {
      await using on = await lab()
      const id = crypto.randomUUID()
      const first = await on.ask({ action: 'start', op: 'task', params: { how: 'return' }, id })
      await on.ask({ action: 'wait', op: 'task' })
      const second = await on.ask({ action: 'start', op: 'task', params: { how: 'return' }, id })
      expect([second.msg, sessionOf(second)?.session_id]).toEqual([first.msg, 0])
      const late = await on.ask({ action: 'start', op: 'task', sent: Date.now() / 1000 - 60 })
      expect([late.status, late.msg]).toEqual([-1, expect.stringContaining('not acted on')])
      const early = await on.ask({ action: 'start', op: 'task', sent: 0.5, timeout: 1e10 })
      expect(early.msg).toContain('sent before the agent started; not acted on')
      await on.ask({ action: 'status', op: 'task' })
      expect(on.ran.count).toBe(1)
    })

    test('a lock: others are told who has it and until when; the key makes another client its holder', async () => {
      await using on = await lab()
      const other = await on.another()
      const locked = await on.ask({ action: 'query', op: 'lock', params: { seconds: 60, by: 'maya' } })
      const { key, until } = locked.result as { key: string; until: number }
      const at = new Date(until * 1000).toISOString().replace(/\.\d+Z/, 'Z')
      for (const action of ['start', 'stop', 'abort']) {
        const { status, msg } = await other({ action, op: 'task' })
        expect([status, msg]).toEqual([-1, `Not done: locked by maya until ${at}.`])
      }
      expect((await other({ action: 'status', op: 'task' })).status).toBe(0)
      expect((await other({ action: 'query', op: 'lock' })).msg).toContain('locked by maya until')
      expect((await other({ action: 'query', op: 'unlock' })).msg).toContain('locked by maya until')
      const presence = Promise.withResolvers<unknown>()
      await on.mine.subscribe(
        channels.presence,
        { root, instance: on.instance },
        ({ lock }) => lock && presence.resolve(lock),
      )
      expect(await presence.promise).toEqual({ holder: on.mine.client, by: 'maya', until })
      expect((await other({ action: 'start', op: 'task', params: { how: 'return' }, key })).status).toBe(0)
      expect((await on.ask({ action: 'start', op: 'process' })).status).toBe(0)
      expect((await on.ask({ action: 'query', op: 'unlock' })).status).toBe(0)
      expect((await other({ action: 'stop', op: 'process' })).status).toBe(0)
    })

    test('a lock ends by itself, and by force', async () => {
      await using on = await lab()
      const other = await on.another()
      const free = Promise.withResolvers<void>()
      let was = false
      await on.mine.subscribe(channels.presence, { root, instance: on.instance }, ({ lock }) => {
        if (was && !lock) free.resolve()
        was ||= lock !== undefined
      })
      await on.ask({ action: 'query', op: 'lock', params: { seconds: 0.05 } })
      await free.promise
      expect((await other({ action: 'start', op: 'process' })).status).toBe(0)
      await on.ask({ action: 'query', op: 'lock' })
      expect((await other({ action: 'stop', op: 'process' })).status).toBe(-1)
      expect((await other({ action: 'query', op: 'unlock', params: { force: true } })).status).toBe(0)
      expect((await other({ action: 'stop', op: 'process' })).status).toBe(0)
    })

    test('an operation above the caller’s level is refused, with both levels', async () => {
      await using on = await lab()
      const caller = { principal: 'maya', level: 1, from: 'maya@grumpy' }
      const { status, msg } = await on.ask({ action: 'start', op: 'advanced', caller })
      // On an open hub nobody has a level, whatever is claimed.
      if (stamps) return expect(status).toBe(0)
      expect([status, msg]).toEqual([
        -1,
        'Operation "advanced" takes access level 2 (advanced); the caller has 1 (basic).',
      ])
      expect((await on.ask({ action: 'status', op: 'advanced' })).status).toBe(0)
      await on.ask({ action: 'query', op: 'lock' })
      const other = await on.another()
      const forced = { action: 'query', op: 'unlock', params: { force: true }, caller }
      expect((await other(forced)).status).toBe(-1)
    })
  })
}
