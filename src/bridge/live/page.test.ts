import { expect, test } from 'bun:test'
import { z } from 'zod'
import { ownClock } from '../../../test/own-clock.ts'
import { type Agent, defineAgent } from '../../core/agent.ts'
import { OpError } from '../../core/errors.ts'
import thermometry from '../../datanode/thermometry.ts'
import type { HubPeople } from '../access/hub-people.ts'
import { type Bridge, startBridge } from '../bridge.ts'
import { fill, type TestLab, testLab, thermometer, until } from '../lab.test-aid.ts'
import type { AgentDetail, Happened, NodeView, Part } from '../page/shape.ts'
import { ROOT } from '../site.test-aid.ts'

const PASSWORD = 'correct horse'

/** A lab with a bridge that knows an operator and an observer. */
async function site(): Promise<
  { readonly lab: TestLab; readonly bridge: Bridge; readonly log: string[] } & AsyncDisposable
> {
  const clock = ownClock()
  const lab = testLab()
  const roles: Record<string, string> = { maya: 'operator:1', ada: 'observer' }
  const people: HubPeople = {
    async logIn(name, password) {
      const role = roles[name]
      if (role === undefined || password !== PASSWORD) return 'wrong'
      return { principal: name, token: `ocs1_${name}_x`, until: 4e9, role }
    },
    connect: (name) => lab.hub.connect(`${name}.1`),
  }
  const log: string[] = []
  const bus = lab.hub.connect('bridge')
  const listen = { host: '127.0.0.1', port: 0 }
  const bridge = await startBridge({ bus, root: ROOT, listen, people, log: (text) => log.push(text) })
  return {
    lab,
    bridge,
    log,
    async [Symbol.asyncDispose]() {
      await bridge.close()
      await lab[Symbol.asyncDispose]()
      clock[Symbol.dispose]()
    },
  }
}

/** An agent with a task that takes parameters of all kinds. */
const heater = defineAgent({
  class: 'TestHeater',
  help: 'Heats.',
  args: z.object({}),
  feeds: {},
  connect: async () => ({}),
}).task(
  'heat',
  {
    help: 'Heats a stage.',
    params: z.object({
      power: z.number().min(0).max(5).describe('of the heater').meta({ units: 'W' }),
      mode: z.enum(['fast', 'slow']).default('slow'),
      stages: z.array(z.int()).optional(),
    }),
  },
  async ({ params }) => {
    if (params.power === 5) throw new OpError('too hot')
    return `heated with ${JSON.stringify(params)}`
  },
) as unknown as Agent

const get = async <T>({ url }: Bridge, path: string, headers = {}): Promise<T> =>
  (await (await fetch(url + path, { headers })).json()) as T
const post = (
  { url }: Bridge,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url, ...headers },
    body: JSON.stringify(body),
  })
const signIn = async (bridge: Bridge, name: string): Promise<string> => {
  const answer = await post(bridge, '/page/sign-in', { name, password: PASSWORD })
  expect(answer.status).toBe(200)
  const cookie = answer.headers.get('set-cookie') ?? ''
  expect(cookie).toMatch(/^ocs_session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/)
  return cookie.split(';')[0] ?? ''
}

test('a browser gets a page that loads nothing from elsewhere; the ping of a plugin stays as it was', async () => {
  await using at = await site()
  const page = await fetch(at.bridge.url, { headers: { accept: 'text/html,*/*' } })
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'")
  const html = await page.text()
  const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => link)
  expect(links).toContain('/page/main.ts')
  expect(links.filter((link) => !/^(\/page\/|#)/.test(link))).toEqual([])
  const seen = new Set<string>()
  const follow = async (path: string): Promise<void> => {
    if (seen.has(path)) return
    seen.add(path)
    const got = await fetch(at.bridge.url + path)
    expect([path, got.status]).toEqual([path, 200])
    const text = await got.text()
    if (!/\.(ts|js)$/.test(path)) return
    expect(got.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
    for (const [, from = ''] of text.matchAll(/(?:^import|^export|from) ?[^'"\n]*"(\.[^"\s]*)"/gm))
      await follow(new URL(from, at.bridge.url + path).pathname)
  }
  for (const link of links.filter((one) => one.startsWith('/'))) await follow(link)
  expect(seen.size).toBeGreaterThan(20)
  const etag = (await fetch(`${at.bridge.url}/page/main.ts`)).headers.get('etag') ?? ''
  const again = await fetch(`${at.bridge.url}/page/main.ts`, { headers: { 'if-none-match': etag } })
  expect(again.status).toBe(304)
  for (const path of ['/page/nothing.ts', '/page/..%2fhttp.ts', '/page/tsconfig.json', '/page/curve.test.ts'])
    expect([path, (await fetch(at.bridge.url + path)).status]).toEqual([path, 404])
  expect(await get<object>(at.bridge, '/')).toEqual({ service: 'ocs bridge', hub: 'connected' })
})

/** The messages of a stream so far, by event. */
async function listen({ url }: Bridge, signal: AbortSignal) {
  const got = new Map<string, unknown[]>()
  const answer = await fetch(`${url}/page/stream`, { signal })
  expect(answer.headers.get('content-type')).toBe('text/event-stream')
  const body = answer.body as ReadableStream<Uint8Array>
  void (async () => {
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of body) {
      text += decoder.decode(chunk, { stream: true })
      const frames = text.split('\n\n')
      text = frames.pop() ?? ''
      for (const frame of frames) {
        const [, event = '', data = ''] = /event: (\w+)\ndata: (.*)$/s.exec(frame) ?? []
        got.set(event, [...(got.get(event) ?? []), JSON.parse(data)])
      }
    }
  })().catch(() => {})
  return got
}

test('the past first, then what comes live, each sample once; a node that restarts goes on', async () => {
  await using at = await site()
  const spool = at.lab.spool('ls240')
  const filled = await fill(spool, 60, 2)
  const { agent, temperatures } = thermometer(2)
  await at.lab.run(agent, 'ls240', {}, spool)
  const target = { target: 'ls240', name: 'N', description: 'a thermometer' }
  const node = await at.lab.run(thermometry, 'node-N', target)
  const nodes = await until(
    () => get<NodeView[]>(at.bridge, '/page/fields'),
    ([one]) => one?.fields.length === 2,
  )
  expect(nodes[0]).toMatchObject({ name: 'N', description: 'a thermometer' })
  expect(nodes[0]?.fields[0]).toMatchObject({ metric: 'N::Channel_1_T', units: 'K', type: 'number' })
  const past = await get<Part[]>(
    at.bridge,
    `/page/past?metric=N::Channel_1_T&metric=N::nothing&from=now-1h&to=now&points=100`,
  )
  expect(past).toHaveLength(1)
  expect(past[0]?.t.length).toBeGreaterThan(50)
  expect(past[0]?.t.length).toBeLessThanOrEqual(100)

  using stop = new DisposableController()
  const got = await listen(at.bridge, stop.signal)
  const [hello] = await until(
    () => (got.get('hello') ?? []) as { stream: string }[],
    (list) => list.length > 0,
  )
  await until(
    () => (got.get('agent') ?? []) as { instance: string; state: string }[],
    (list) => list.some(({ instance, state }) => instance === 'node-N' && state === 'online'),
  )
  const watch = { stream: hello?.stream, metrics: ['N::Channel_1_T'] }
  expect(await (await post(at.bridge, '/page/watch', watch)).json()).toEqual({ watching: true })
  expect(await (await post(at.bridge, '/page/watch', { ...watch, stream: 'x' })).json()).toEqual({
    watching: false,
  })
  const feed = await temperatures
  const samples = () => (got.get('values') as Part[][] | undefined)?.flat() ?? []
  const times = () => samples().flatMap(({ t }) => t)
  // Live samples are at least a fifth of a second apart.
  const begun = filled + 1
  feed.publish('temps', begun, { Channel_1_T: 4.5, Channel_2_T: 5 })
  await until(times, (list) => list.includes(begun))
  expect(samples().every(({ values }) => Object.keys(values).join() === 'N::Channel_1_T')).toBe(true)
  await node.stop()
  await at.lab.run(thermometry, 'node-N', target)
  const later = begun + 1
  feed.publish('temps', later, { Channel_1_T: 4.6, Channel_2_T: 5 })
  await until(times, (list) => list.includes(later))
  expect(new Set(times()).size).toBe(times().length)
  expect(times()).toEqual(times().toSorted((a, b) => a - b))
})

class DisposableController extends AbortController implements Disposable {
  [Symbol.dispose]() {
    this.abort()
  }
}

test('an operator starts an operation in their own name; nobody else does', async () => {
  await using at = await site()
  await at.lab.run(heater, 'heater', {})
  const op = { instance: 'heater', op: 'heat', action: 'start', params: { power: '2.5', stages: ['1', '2'] } }
  await until(
    () => get<AgentDetail>(at.bridge, '/page/agents/heater'),
    ({ ops }) => ops?.some((one) => one.op === 'heat'),
  )
  const act = async (body: unknown, headers = {}) => {
    const answer = await post(at.bridge, '/page/op', body, headers)
    return [answer.status, Object.values((await answer.json()) as object)[0]]
  }
  expect(await act(op)).toEqual([401, 'sign in first: operations are for operators'])
  const observer = await signIn(at.bridge, 'ada')
  expect(await act(op, { cookie: observer })).toEqual([
    403,
    'ada is an observer: operations are for operators',
  ])
  const cookie = await signIn(at.bridge, 'maya')
  expect(await get<object>(at.bridge, '/page/me', { cookie })).toEqual({
    user: 'maya',
    role: 'operator:1',
    mayOperate: true,
    mayRead: true,
    maySignIn: true,
    grafana: null,
  })
  const strange = [
    ['another origin', { origin: 'http://evil.example' }],
    ['no origin', { origin: '' }],
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['another port', { origin: 'http://127.0.0.1:1' }],
  ] as const
  for (const [, headers] of strange) expect((await act(op, { cookie, ...headers }))[0]).toBe(403)
  expect((await act(op, { cookie, 'content-type': 'text/plain' }))[0]).toBe(415)

  const wrong = (params: unknown) => act({ ...op, params }, { cookie })
  expect(await wrong({})).toEqual([400, 'power is required'])
  expect(await wrong({ power: '9' })).toEqual([400, 'power takes 0 to 5, given "9"'])
  expect(await wrong({ powr: '1' })).toEqual([400, 'there is no parameter "powr": did you mean "power"?'])
  expect(await act({ ...op, op: 'cool' }, { cookie })).toEqual([404, 'there is no heater cool'])
  expect(await act({ ...op, op: 'constructor' }, { cookie })).toEqual([404, 'there is no heater constructor'])

  expect((await act(op, { cookie }))[0]).toBe(200)
  const ended = await until(
    async () =>
      (await get<AgentDetail>(at.bridge, '/page/agents/heater')).ops.find((one) => one.op === 'heat'),
    (one) => one?.messages.some(([, text]) => text.includes('heated with')) === true,
  )
  expect(JSON.parse(ended?.params ?? '')).toEqual({ power: 2.5, mode: 'slow', stages: [1, 2] })
  const { runs, events } = await get<Happened>(at.bridge, '/page/happened')
  expect(runs).toMatchObject([{ instance: 'heater', op: 'heat', state: 'idle' }])
  expect(events[0]?.text).toBe('heat started by live page')
  expect(at.log.some((line) => line.startsWith('maya: start heater heat: '))).toBe(true)

  expect((await act({ ...op, params: { power: '5' } }, { cookie }))[0]).toBe(200)
  const codes = await Promise.all(Array.from({ length: 30 }, () => act({ ...op, op: 'none' }, { cookie })))
  expect(codes.map(([status]) => status)).toContain(429)
  await post(at.bridge, '/page/sign-out', {}, { cookie })
  expect((await act(op, { cookie }))[0]).toBe(401)
})

test('without a hub that has people nobody signs in, and reading is open', async () => {
  await using lab = testLab()
  const bridge = await startBridge({
    bus: lab.hub.connect('bridge'),
    root: ROOT,
    listen: { host: '127.0.0.1', port: 0 },
    grafana: 'http://127.0.0.1:3000/',
    log() {},
  })
  expect(await get<object>(bridge, '/page/me')).toEqual({
    user: null,
    role: null,
    mayOperate: false,
    mayRead: true,
    maySignIn: true,
    grafana: 'http://127.0.0.1:3000/',
  })
  expect((await post(bridge, '/page/sign-in', { name: 'maya', password: PASSWORD })).status).toBe(503)
  expect(await get<object[]>(bridge, '/page/fields')).toEqual([])
  for (const path of ['past?from=x&to=now', 'past?from=now-1h&to=now&points=0', 'past?to=now'])
    expect((await fetch(`${bridge.url}/page/${path}`)).status).toBe(400)
  expect((await fetch(`${bridge.url}/page/agents/none`)).status).toBe(404)
  await bridge.close()
})
