/** People of a real hub at a bridge: they sign in, act in their own name, and are forgotten once revoked. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { testHub } from '../../broker/hub.test-aid.ts'
import { MemoryHub } from '../../bus/memory.ts'
import { connectMqtt, reached } from '../../bus/mqtt.ts'
import type { AuditEntry } from '../../core/channels.ts'
import { caller } from '../../lab/request-client.ts'
import { byToken } from '../../principals/identify.ts'
import { logIns } from '../../principals/log-in.ts'
import { Passwords } from '../../principals/passwords.ts'
import { addToken, readPrincipals, revoke, setPassword } from '../../principals/principals-file.ts'
import { newToken } from '../../principals/token.ts'
import { startBridge } from '../bridge.ts'
import { livePage } from '../live/routes.ts'
import { type Env, noOtherSite, privately, whoAsks } from './guard.ts'
import { hubPeople } from './hub-people.ts'
import { people } from './people.ts'

const PASSWORD = 'correct horse'
const ROOT = 'observatory'
let folder: string
let file: string
let at: Awaited<ReturnType<typeof testHub>>
let bridgeToken: string
const kept: AuditEntry[] = []
const local = newToken('lab')
let clock = 0

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bridge-people-'))
  file = join(folder, 'principals.yaml')
  await setPassword(file, 'maya', 'operator:2', PASSWORD)
  await setPassword(file, 'ada', 'observer', PASSWORD)
  bridgeToken = addToken(file, 'bridge', 'bridge')
  at = await testHub({
    identify: byToken({ account: 'lab', local: [local], file, log: () => {} }),
    logIn: logIns(file, new Passwords(() => clock)),
    keep: (entry) => kept.push(entry),
  })
})
afterAll(async () => {
  await at.hub.close()
  rmSync(folder, { recursive: true })
})

const hubBy = (tokens: readonly string[]) =>
  hubPeople({ url: at.hub.urls.mqtt, root: ROOT, credentials: () => ({ tokens }) })
const peopleBy = (tokens: readonly string[], log: string[] = []) =>
  people({ hub: hubBy(tokens), root: ROOT, log: (text) => log.push(text) }, () => clock)
const status = (work: Promise<unknown>) =>
  work.then(
    () => 200,
    (error: HTTPException) => error.status,
  )

test('somebody signs in with the password of the hub, and is known until the token is revoked', async () => {
  const log: string[] = []
  await using all = peopleBy([bridgeToken], log)
  expect(await status(all.enter('maya', 'wrong horse', '10.0.0.7'))).toBe(401)
  const session = await all.enter('maya', PASSWORD, '10.0.0.7')
  expect(all.who(session)).toMatchObject({ name: 'maya', role: 'operator:2' })
  expect(all.who('constructor')).toBeUndefined()
  expect(kept.findLast(({ kind }) => kind === 'refused')?.why).toContain('log-in of "maya" from 10.0.0.7')
  expect(kept.some(({ why }) => why?.includes('a token for the password, from 10.0.0.7'))).toBe(true)
  expect(kept.some(({ principal, client }) => principal === 'maya' && client.startsWith('maya.'))).toBe(true)
  expect(log.join()).not.toContain('horse')
  // Sign-ins do not count against the tokens of her machines.
  const own = addToken(file, 'maya')
  for (let i = 0; i < 12; i++) addToken(file, 'maya', undefined, { via: 'bridge' })
  expect(readPrincipals(file)['maya']?.tokens.filter(({ via }) => via === undefined)).toHaveLength(1)
  expect(own).toStartWith('ocs1_maya_')

  const again = await all.enter('ada', PASSWORD, '10.0.0.7')
  all.leave(again)
  expect(all.who(again)).toBeUndefined()
  const third = await all.enter('ada', PASSWORD, '10.0.0.7')
  expect(all.who(third)?.role).toBe('observer')
  revoke(file, 'ada')
  at.hub.recheck()
  while (all.who(third)) await new Promise((resolve) => setImmediate(resolve))
  await setPassword(file, 'ada', 'observer', PASSWORD)
  const fourth = await all.enter('ada', PASSWORD, '10.0.0.7')
  clock += 12 * 3_600_000 + 1
  expect(all.who(fourth)).toBeUndefined()
})

test('who guesses waits, by name and address: neither others there nor the same person elsewhere', async () => {
  const { logIn } = hubBy([bridgeToken])
  const guess = (address: string, password = 'wrong horse', name = 'maya') => logIn(name, password, address)
  expect([await guess('10.0.0.9'), await guess('10.0.0.9'), await guess('10.0.0.9')]).toEqual([
    'wrong',
    'wrong',
    'wrong',
  ])
  expect(await guess('10.0.0.9')).toBe('wait')
  expect(await guess('10.0.0.9', PASSWORD)).toBe('wait')
  expect(await guess('10.0.0.9', PASSWORD, 'ada')).toMatchObject({ principal: 'ada' })
  expect(await guess('10.0.0.8', PASSWORD)).toMatchObject({ principal: 'maya', role: 'operator:2' })
  clock += 1000
  expect(await guess('10.0.0.9', PASSWORD)).toMatchObject({ principal: 'maya' })
})

test('where people come from is the word of a bridge alone', async () => {
  const agent = addToken(file, 'ls240', 'agent')
  expect(await hubBy([agent]).logIn('maya', PASSWORD, '10.0.0.7')).toBe('stranger')
  expect(await hubBy([newToken('bridge')]).logIn('maya', PASSWORD, '10.0.0.7')).toBe('stranger')
  expect(await hubBy([local]).logIn('maya', PASSWORD, '10.0.0.7')).toMatchObject({ principal: 'maya' })
  expect(await hubBy([]).logIn('maya', PASSWORD, '10.0.0.7')).toMatchObject({ principal: 'maya' })
})

test('a bridge only looks, even with the token of who runs the hub; people act as themselves', async () => {
  const url = at.hub.urls.mqtt
  const credentials = () => ({ principal: 'lab', tokens: [local] })
  await using bus = connectMqtt({ url, client: 'bridge-0123abcd', credentials })
  await reached(bus, url, 60)
  await using asks = await caller(bus, ROOT)
  expect(await asks.request('fake', 'acq', 'start')).toMatchObject({
    status: -1,
    msg: expect.stringContaining('this needs an operator'),
  })
  await using all = peopleBy([bridgeToken])
  const maya = all.who(await all.enter('maya', PASSWORD, '10.0.0.7'))
  // There is nobody to answer, so only the hub records the request.
  maya?.ask.request('fake', 'acq', 'start', { rate: 2, password: 'x' }).catch(() => {})
  while (!kept.some(({ kind }) => kind === 'request')) await new Promise((resolve) => setImmediate(resolve))
  expect(kept.find(({ kind }) => kind === 'request')).toMatchObject({
    principal: 'maya',
    instance: 'fake',
    what: 'acq.start',
    params: '{"rate":2,"password":"***"}',
  })
})

test('a bridge with users reads to who shows a password or a token over TLS, and to this machine', async () => {
  await using all = peopleBy([bridgeToken])
  const app = new Hono<Env>()
  app.use(noOtherSite)
  app.use(whoAsks(all, false))
  app.get('/', (c) => c.text('page'))
  app.post('/page/sign-in', privately, (c) => c.text('in'))
  app.get('/api/data', (c) => c.text(c.get('person')?.name ?? 'nobody'))
  app.onError((error, c) =>
    error instanceof HTTPException ? c.text(error.message, error.status) : c.text('', 500),
  )
  const ask = async (headers: Record<string, string>, to = 'https://x/api/data', address = '10.0.0.7') => {
    const answer = await app.fetch(new Request(to, { headers }), { address })
    return [answer.status, answer.status === 200 ? await answer.text() : ''] as const
  }
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
  const token = addToken(file, 'grafana', 'observer')
  expect(await ask({})).toEqual([401, ''])
  expect(await ask({}, 'https://x/')).toEqual([200, 'page'])
  expect(await ask({}, 'http://x/api/data', '127.0.0.1')).toEqual([200, 'nobody'])
  expect(await ask({ authorization: `Bearer ${token}` })).toEqual([200, 'grafana'])
  expect(await ask(basic(`grafana:${token}`))).toEqual([200, 'grafana'])
  expect(await ask(basic(`maya:${token}`))).toEqual([401, ''])
  expect(await ask(basic(`maya:${PASSWORD}`))).toEqual([200, 'maya'])
  expect(await ask(basic('maya:wrong horse'))).toEqual([401, ''])
  expect(await ask({ authorization: `Bearer ${newToken('grafana')}` })).toEqual([401, ''])
  expect(await ask({ authorization: 'Bearer x' })).toEqual([401, ''])
  expect(await ask({ authorization: `Bearer ${token}` }, 'http://x/api/data')).toEqual([403, ''])
  const enters = async (to: string, address: string) =>
    (await app.fetch(new Request(`${to}/page/sign-in`, { method: 'POST' }), { address })).status
  expect([
    await enters('http://x', '10.0.0.7'),
    await enters('http://x', '::ffff:127.0.0.1'),
    await enters('https://x', '10.0.0.7'),
  ]).toEqual([403, 200, 200])
  const many = Array.from({ length: 30 }, () => ask(basic(`ada:${PASSWORD}`)))
  expect(new Set((await Promise.all(many)).map(([code]) => code))).toEqual(new Set([200]))
  for (const [path, dest, code] of [
    ['https://x/api/data', 'empty', 403],
    ['https://x/api/data', 'document', 403],
    ['https://x/', 'image', 403],
    ['https://x/', 'document', 200],
  ] as const) {
    const headers = {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-dest': dest,
      authorization: `Bearer ${token}`,
    }
    expect([path, dest, (await ask(headers, path))[0]]).toEqual([path, dest, code])
  }
})

test('many headers with one token are one of the hub’s clients, and many sessions of one put nobody else out', async () => {
  const taken: string[] = []
  const hub = {
    logIn: async (name: string) => ({ principal: name, token: 'x', until: 4e9, role: 'observer' as const }),
    connect: (name: string) => {
      taken.push(name)
      return new MemoryHub().connect(`${name}.1`)
    },
  }
  await using all = people({ hub, root: ROOT, log: () => {} })
  const ada = await all.enter('ada', PASSWORD, '10.0.0.7')
  const token = newToken('watch')
  for (const header of [`Bearer ${token}`, `bearer   ${token}`, `Basic ${btoa(`watch:${token}`)}`])
    expect((await all.shown(header, '10.0.0.7')).name).toBe('watch')
  expect(taken).toEqual(['ada', 'watch'])
  for (let nth = 0; nth < 220; nth++) await all.shown(`Bearer ${newToken('otto')}`, '10.0.0.7')
  expect(taken.filter((name) => name === 'otto')).toHaveLength(220)
  expect(all.who(ada)?.name).toBe('ada')
})

test('what streams to somebody ends with their session', async () => {
  await using all = peopleBy([bridgeToken])
  const watch = () => ({ want: () => {}, [Symbol.dispose]: () => {} })
  const page = livePage({
    ...{ bus: { connected: true }, people: all, isOpen: false, grafana: undefined },
    nodes: { all: [], online: () => [], watch },
    lab: { instances: new Map(), settled: async () => {} },
    history: { events: () => [] },
    expected: () => [],
    log: () => {},
  } as never)
  const app = new Hono<Env>()
  app.use(whoAsks(all, false))
  app.route('/page', page.app)
  const open = async (cookie: string, address: string) => {
    const headers = { cookie: `__Host-ocs_session=${cookie}` }
    const answer = await app.fetch(new Request('https://x/page/stream', { headers }), { address })
    const reader = answer.body?.getReader()
    expect((await reader?.read())?.done).toBe(false)
    return reader
  }
  const [left, replaced] = [
    await all.enter('maya', PASSWORD, '10.0.0.7'),
    await all.enter('maya', PASSWORD, '10.0.0.7'),
  ]
  const [first, second, here] = [
    await open(left, '10.0.0.7'),
    await open(replaced, '10.0.0.7'),
    await open(replaced, '127.0.0.1'),
  ]
  /** Skips whatever else the stream sends. */
  const ended = async (stream: typeof first) => {
    while (!(await stream?.read())?.done);
  }
  all.leave(left)
  await ended(first)
  expect((await second?.read())?.done).toBe(false)
  await setPassword(file, 'maya', 'operator:2', PASSWORD)
  at.hub.recheck()
  while (all.who(replaced)) await new Promise((resolve) => setImmediate(resolve))
  await ended(second)
  // A reader who needs no session keeps the stream.
  expect((await here?.read())?.done).toBe(false)
  await here?.cancel()
  await page[Symbol.asyncDispose]()
})

test('an administrator sees on the page who did what; others do not', async () => {
  const hub = hubBy([bridgeToken])
  await setPassword(file, 'root1', 'admin', PASSWORD)
  const credentials = () => ({ principal: 'bridge', tokens: [bridgeToken] })
  await using bus = connectMqtt({ url: at.hub.urls.mqtt, client: 'bridge.0123abce', credentials })
  await reached(bus, at.hub.urls.mqtt, 60)
  const listen = { host: '127.0.0.1', port: 0 }
  const bridge = await startBridge({ bus, root: ROOT, listen, people: hub, log: () => {} })
  const cookieOf = async (name: string) => {
    const headers = { 'content-type': 'application/json', origin: bridge.url }
    const body = JSON.stringify({ name, password: PASSWORD })
    const entered = await fetch(`${bridge.url}/page/sign-in`, { method: 'POST', headers, body })
    return entered.headers.get('set-cookie')?.split(';')[0] ?? ''
  }
  const audit = async (cookie: string) => await fetch(`${bridge.url}/page/audit`, { headers: { cookie } })
  expect((await audit('')).status).toBe(403)
  expect((await audit(await cookieOf('maya'))).status).toBe(403)
  const answer = await audit(await cookieOf('root1'))
  expect(answer.status).toBe(200)
  const told = (await answer.json()) as AuditEntry[]
  expect(told.some(({ kind, principal }) => kind === 'request' && principal === 'maya')).toBe(true)
  expect(told.at(-1)).toMatchObject({ kind: 'login', principal: 'root1' })
  expect(JSON.stringify(told)).toContain('\\"password\\":\\"***\\"')
  await bridge.close()
})
