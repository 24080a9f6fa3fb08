import { afterAll, afterEach, expect, jest, mock, spyOn, test } from 'bun:test'
import { hostname, userInfo } from 'node:os'
import { z } from 'zod'
import { atEnd } from '../../test/closing.ts'
import { ownClock } from '../../test/own-clock.ts'
import { UNHURRIED_MS } from '../../test/turns-clock.ts'
import { type Hub, startHub } from '../broker/hub.ts'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import { type Agent, defineAgent } from '../core/agent.ts'
import { OpError, TimeoutError, TransportError, UsageError } from '../core/errors.ts'
import { everybody } from '../principals/identify.ts'
import { runAgent } from '../runtime/run-agent.ts'
import { type AgentClient, type ClientOptions, type Found, openAgent, openLab } from './connect.ts'
import type { Operation, Session } from './remote-operation.ts'
import type { LastValues } from './restore.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

const root = 'observatory'
/** Seconds for which nobody is given up. */
const PATIENCE = UNHURRIED_MS / 1000

const thermostat = defineAgent({
  class: 'ThermostatAgent',
  help: 'Holds still.',
  args: z.object({}),
  feeds: {
    readings: {
      help: 'Two blocks.',
      record: false,
      blocks: { a: { x: { units: 'K' }, n: { type: 'int' } }, b: { word: { type: 'string' } } },
    },
  },
  connect: async () => ({}),
})
  .task(
    'set_range',
    {
      help: 'Answers what it was given.',
      params: z.object({
        range: z.number().min(0).max(8),
        heater: z.enum(['still', 'sample']).default('sample'),
      }),
      data: z.object({ range: z.number(), heater: z.string(), none: z.number() }),
    },
    async ({ params, session }) => session.set({ ...params, none: Number.NaN }),
  )
  .task('fail', { help: 'Fails.' }, async ({ session }) => {
    session.set({ got: Infinity })
    throw new OpError('out of helium')
  })
  .task('hold', { help: 'Runs until it is aborted.' }, ({ signal }) => until(signal))
  .task('last', { help: 'Has the name of something every client has.' }, async () => 'last said')
  .process('acq', { help: 'Publishes on demand.' }, async ({ feeds, signal }) => {
    publish = () => {
      feeds.readings.publish('a', [1, 2], { x: [Number.NaN, -Infinity], n: [1, 9_007_199_254_740_993n] })
      feeds.readings.publish('b', 3, { word: 'NaN' })
    }
    await until(signal)
  })

let publish = () => {}
const until = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))

const caught = (promise: Promise<unknown>) => promise.catch((thrown: unknown) => thrown)

afterEach(() => mock.restore())

async function hub(port = 0): Promise<Hub & { url: string; port: number }> {
  const local = { host: '127.0.0.1' }
  const listen = [{ ...local, port }]
  const running = await startHub({
    identify: everybody,
    root,
    realm: 'r',
    version: '0',
    log: () => {},
    listen,
    websocket: [{ ...local, port: 0 }],
  })
  atEnd(() => running.close())
  const url = running.urls.mqtt
  return Object.assign(running, { url, port: Number(new URL(url).port) })
}

async function agent(url: string, instance = 'it'): Promise<() => Promise<void>> {
  const bus = connectMqtt({ url, client: instance })
  await reached(bus, url, PATIENCE)
  const since = Date.now() / 1000
  const identity = {
    root,
    instance,
    agentClass: 'ThermostatAgent',
    session: crypto.randomUUID(),
    since,
    version: '0',
  }
  const declared = thermostat as unknown as Agent
  const running = await runAgent({ agent: declared, args: {}, identity, bus, log: () => {} })
  let stopped = false
  const stop = async () => {
    if (stopped) return
    stopped = true
    await running.stop()
    await bus[Symbol.asyncDispose]()
  }
  atEnd(stop)
  return stop
}

async function client(options: Partial<ClientOptions> & { url: string }) {
  const it = await openAgent<typeof thermostat>('it', { root, patience: PATIENCE, ...options })
  atEnd(() => it[Symbol.asyncDispose]())
  return it
}

async function both(options: Partial<ClientOptions> = {}) {
  const there = await hub()
  const stop = await agent(there.url)
  return { there, stop, it: await client({ url: there.url, ...options }) }
}

test('a task is called: its session comes back when it is over, with its data', async () => {
  const { it } = await both()
  const { data, success, started_by, started_from } = await it.set_range({ range: 3 })
  expect(data).toEqual({ range: 3, heater: 'sample', none: Number.NaN })
  expect([success, started_by]).toEqual([true, expect.stringMatching(/^script-[0-9a-f]{8}$/)])
  expect(started_from).toBe(`${userInfo().username}@${hostname()}`)
  expect((await it.set_range.status())?.data.range).toBe(3)
  expect(await it.hold.status()).toBeUndefined()
  expect(await it.hold.wait()).toBeUndefined()
})

test('what fails throws, with its session', async () => {
  const { it } = await both()
  const error = await caught(it.fail())
  expect(error).toBeInstanceOf(OpError)
  expect((error as OpError).message).toBe('it fail failed: out of helium')
  expect((error as OpError).session).toMatchObject({ success: false, data: { got: 'Infinity' } })
  await expect(it.fail.wait()).rejects.toThrow('out of helium')
})

test('parameters are checked by what the agent publishes, before anything is sent', async () => {
  const { it, stop } = await both()
  await stop()
  const wrong = it as unknown as { set_range(params: unknown): Promise<unknown> }
  const said = async (params: unknown) => {
    const error = await caught(wrong.set_range(params))
    expect(error).toBeInstanceOf(UsageError)
    return (error as Error).message
  }
  expect(await said({ range: 9 })).toMatch(/^it set_range: "range": .*8, given 9$/)
  expect(await said({})).toBe('it set_range: "range" is required')
  expect(await said({ range: 1, heatr: 'still' })).toContain('did you mean "heater"?')
  expect(await said({ range: 1, heater: 'x' })).toContain('"heater"')
})

test('a process is started, stopped and waited for; each mistake about that is told', async () => {
  const { it } = await both()
  expect(await it.acq.stop()).toBeUndefined()
  expect((await it.acq.start()).op_name).toBe('acq')
  const again = await caught(it.acq.start())
  expect(again).toBeInstanceOf(OpError)
  expect(again).toMatchObject({ message: expect.stringContaining('already in progress') })
  await expect(it.acq.wait(0.01)).rejects.toThrow(TimeoutError)
  await expect(it.acq()).rejects.toThrow('use start(), stop()')
  await expect(it.acq.abort()).rejects.toThrow('it acq is a process: use stop(), not abort()')
  expect((await it.acq.stop())?.status).toBe('stopping')
  expect((await it.acq.wait())?.success).toBe(true)
  expect((await it.acq.stop())?.status).toBe('done')
})

test('what an agent does not have is an error that tells what it has', async () => {
  const { it } = await both()
  const loose = it as unknown as Record<string, () => unknown>
  expect(() => loose['set_rang']).toThrow('it has no operation "set_rang": did you mean "set_range"?')
  expect(() => it.op('nothing')).toThrow(UsageError)
  expect(() => (it.feeds as unknown as Record<string, unknown>)['reading']).toThrow('"readings"')
  // An operation with the name of something that every client has.
  expect((await it.op('last')()).messages.map(([, text]) => text)).toContain('last said')
})

test('rows of a feed come as they were published; closing the client ends the loop', async () => {
  const { it } = await both()
  await it.acq.start()
  const rows: unknown[] = []
  const read = async () => {
    for await (const row of it.feeds.readings) rows.push(row)
    return 'ended'
  }
  const ended = read()
  while (rows.length < 2) {
    publish()
    await it.acq.status()
  }
  expect(rows.slice(0, 2)).toEqual([
    { block: 'a', times: [1, 2], values: { x: [Number.NaN, -Infinity], n: [1, 9_007_199_254_740_993n] } },
    { block: 'b', times: [3], values: { word: ['NaN'] } },
  ])
  expect(await (it as AgentClient).last('readings')).toMatchObject({ timestamp: expect.any(Number) })
  // What the hub retains may take it longer than is waited for.
  let last: LastValues | undefined
  while (!last) last = await it.feeds.readings.last()
  expect(last.values).toMatchObject({ x: -Infinity, n: 9_007_199_254_740_993n })
  await it[Symbol.asyncDispose]()
  expect(await ended).toBe('ended')
})

test('a signal ends what is waited for, and the task with it; what always goes on, goes on', async () => {
  const stop = new AbortController()
  const { it, there } = await both({ signal: stop.signal })
  const other = await client({ url: there.url })
  const called = caught(it.hold())
  const feed = caught(it.feeds.readings[Symbol.asyncIterator]().next())
  while ((await other.hold.status())?.status !== 'running') await other.acq.status()
  stop.abort(new Error('Ctrl-C'))
  expect([await called, await feed]).toEqual([stop.signal.reason, stop.signal.reason])
  expect(await other.hold.status()).toMatchObject({ status: 'done', success: false })
  await expect(it.set_range({ range: 1 })).rejects.toThrow('Ctrl-C')
  expect((await it.always.set_range({ range: 1 })).success).toBe(true)
})

test('a client that holds the lock is alone with the agent, until it lets go', async () => {
  const { it, there } = await both()
  const other = await client({ url: there.url })
  {
    await using _ = await it.lock('night run, Ada')
    expect((await it.set_range({ range: 1 })).success).toBe(true)
    const refused = await caught(other.set_range({ range: 2 }))
    expect(refused).toBeInstanceOf(OpError)
    expect((refused as Error).message).toContain('night run, Ada')
    await expect(other.lock('Bob')).rejects.toThrow('night run, Ada')
  }
  expect((await other.set_range({ range: 2 })).success).toBe(true)
})

/** Gives what puts the monotonic clock forward by so many seconds. */
function clockAhead(): (seconds: number) => void {
  const real = performance.now.bind(performance)
  let ahead = 0
  spyOn(performance, 'now').mockImplementation(() => real() + ahead)
  return (seconds) => {
    ahead += 1000 * seconds
  }
}
/** Whether all that an agent retains has come. */
const isThere = ({ state, feeds }: Found) => state === 'online' && feeds.length > 0
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('no hub, no agent, an agent that leaves: each is a TransportError that says so', async () => {
  const { it, there, stop } = await both()
  await using lab = await openLab({ url: there.url, root, patience: PATIENCE })
  while (!lab.agents().some(isThere)) await turn()
  const pass = clockAhead()
  /** What comes of a wait that begins soon, once patience is at an end. */
  const atLast = async (promise: Promise<unknown>) => {
    let over = false
    void promise.finally(() => {
      over = true
    })
    while (!over) {
      pass(PATIENCE + 1)
      await turn()
    }
    return promise
  }
  const looking = caught(lab.agent('itt'))
  pass(4)
  const missing = await looking
  expect(missing).toBeInstanceOf(TransportError)
  expect((missing as Error).message).toContain('did you mean "it"?')
  await it.hold.start()
  const waiting = caught(it.hold.wait())
  const reading = caught(it.feeds.readings[Symbol.asyncIterator]().next())
  await it.hold.status()
  await stop()
  expect(String(await atLast(reading))).toContain(`it has been away for ${PATIENCE} s`)
  // The agent ends its tasks before it goes.
  expect(await waiting).toBeInstanceOf(OpError)
  await there.close()
  const cut = caught(it.feeds.readings[Symbol.asyncIterator]().next())
  expect(String(await atLast(cut))).toContain(`the hub has been away for ${PATIENCE} s`)
})

test('a hub that restarts interrupts nothing', async () => {
  const { it, there } = await both()
  const log: string[] = []
  const other = await client({ url: there.url, log: (text) => log.push(text) })
  const called = caught(other.hold())
  while ((await it.hold.status())?.status !== 'running') await it.acq.status()
  await there.close()
  await hub(there.port)
  await it.always.hold.abort()
  expect(await called).toBeInstanceOf(OpError)
  expect(log).toEqual([expect.stringMatching(/^the hub at .* is lost; reconnecting$/), 'the hub is back'])
})

test('cleaning up is tried again until the agent is back', async () => {
  const tried = Promise.withResolvers<string>()
  const { it, there, stop } = await both({ log: (text) => tried.resolve(text) })
  await stop()
  const cleaned = it.always.set_range({ range: 0 })
  jest.advanceTimersByTime(5000)
  expect(await tried.promise).toContain('it set_range is tried again: it did not answer within 5 s')
  await agent(there.url)
  jest.advanceTimersByTime(500)
  expect((await cleaned).success).toBe(true)
})

test('a lab tells which agents it has', async () => {
  const { there, stop } = await both()
  await agent(there.url, 'other')
  await using lab = await openLab({ url: there.url, root })
  while (lab.agents().filter(isThere).length < 2) await turn()
  expect(lab.agents()).toMatchObject([
    { instance: 'it', agentClass: 'ThermostatAgent', state: 'online', feeds: ['readings'] },
    { instance: 'other', state: 'online' },
  ])
  expect(lab.agents()[0]?.ops['acq']).toEqual({
    kind: 'process',
    help: 'Publishes on demand.',
    running: false,
  })
  const other = await lab.agent('other')
  await other.op('acq').start()
  expect((await other.op('acq').status())?.status).toMatch(/starting|running/)
  await stop()
  const gone = await openLab({ url: there.url, root })
  atEnd(() => gone[Symbol.asyncDispose]())
  while (gone.agents().length < 2) await turn()
  expect(gone.agents()[0]).toMatchObject({ instance: 'it', state: 'offline' })
})

test('no hub at all', async () => {
  await expect(openLab({ url: 'mqtt://127.0.0.1:1', root, patience: 0.2 })).rejects.toThrow(
    'no hub at mqtt://127.0.0.1:1',
  )
})

/** Never run: what has to compile and what has to be refused. */
export async function types(it: AgentClient<typeof thermostat>, any: AgentClient): Promise<void> {
  const session: Session<{ range: number; heater: string; none: number }> = await it.set_range({ range: 1 })
  const status: number | undefined = (await it.set_range.status())?.data.range
  await it.hold()
  await it.acq.start({})
  // @ts-expect-error a required parameter is left out
  await it.set_range()
  // @ts-expect-error a parameter is misspelt
  await it.set_range({ rnge: 1 })
  // @ts-expect-error a value of the wrong type
  await it.set_range({ range: 'high' })
  // @ts-expect-error a choice there is not
  await it.set_range({ range: 1, heater: 'stil' })
  // @ts-expect-error the same for those that always go on
  await it.always.set_range({ rnge: 1 })
  // @ts-expect-error no such operation
  await it.set_rnge({ range: 1 })
  // @ts-expect-error data of another type
  const wrong: string = session.data.range
  // @ts-expect-error no such feed
  it.feeds.reading
  // @ts-expect-error no such feed
  await it.last('reading')
  // @ts-expect-error an agent without a declaration has its operations by name only
  await any.set_range({ range: 1 })
  const loose: Operation = any.op('set_range')
  await loose({ range: 1 })
  for await (const { values } of any.feeds['whatever'] ?? []) void [values, status, wrong]
}
