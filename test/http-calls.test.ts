/**
 * Calls over HTTP in the form of crossbar's bridge, as OCS's client makes them; access rights are the same as
 * on the hub.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { testHub } from '../src/broker/hub.test-aid.ts'
import { limits } from '../src/broker/limits.ts'
import { connectMqtt } from '../src/bus/mqtt.ts'
import { type Agent, defineAgent } from '../src/core/agent.ts'
import type { AuditEntry } from '../src/core/channels.ts'
import { ocsVisits } from '../src/lab/ocs-visits.ts'
import { byToken } from '../src/principals/identify.ts'
import { ownLocalTokens } from '../src/principals/local-token.ts'
import { addToken, principalsPath, revoke, setPassword } from '../src/principals/principals-file.ts'
import { byPassword } from '../src/principals/web-login.ts'
import { type RunningAgent, runAgent } from '../src/runtime/run-agent.ts'

const PASSWORD = 'four kelvin plate'
const folder = mkdtempSync(join(tmpdir(), 'ocs-test-'))
const file = principalsPath(folder)
const kept: AuditEntry[] = []
let at: Awaited<ReturnType<typeof testHub>>
let running: RunningAgent
let url = ''
let token = ''
let local = ''

const agent = defineAgent({
  class: 'ObedientAgent',
  help: 'Does as told.',
  args: z.object({}),
  feeds: {},
  connect: async () => ({}),
})
  .task(
    'measure',
    { help: 'Measures.', params: z.object({ kelvin: z.number().default(4) }) },
    async ({ params, session }) => {
      session.set({ kelvin: params.kelvin, odd: [Number.NaN, Infinity, -0], big: 2 ** 40 })
      return 'measured'
    },
  )
  .process(
    'acq',
    { help: 'Goes on.' },
    ({ signal }) => new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
  ) as unknown as Agent

beforeAll(async () => {
  local = ownLocalTokens([folder])[0] ?? ''
  await setPassword(file, 'maya', 'operator:1', PASSWORD)
  await setPassword(file, 'otto', 'observer', PASSWORD)
  token = addToken(file, 'maya')
  at = await testHub({
    identify: byToken({ account: 'me', local: [local], file, log: () => {} }),
    people: byPassword(file, () => {}),
    calls: (own) => ocsVisits('observatory', own),
    keep: (entry) => void kept.push(entry),
  })
  url = at.hub.urls.ws.replace(/^ws(.*)\/ws$/, 'http$1')
  const bus = connectMqtt({
    url: at.hub.urls.mqtt,
    client: 'obedient',
    credentials: () => ({ principal: 'me', tokens: [local] }),
  })
  const identity = {
    root: 'observatory',
    instance: 'obedient',
    agentClass: 'ObedientAgent',
    version: '0.0.0',
    session: 's1',
    since: 1,
  }
  running = await runAgent({ agent, args: {}, identity, bus, log: () => {} })
  // It may become known a moment after its announcement.
  while ('error' in (await post('observatory.obedient', ['get_api'])).body);
})
afterAll(async () => {
  await running.stop()
  await at.hub.close()
  rmSync(folder, { recursive: true })
})

const basic = (name: string, password: string) =>
  ({ authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` }) as const
async function send(body: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/call`, { method: 'POST', body, headers })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}
async function post(
  procedure: string,
  args: unknown[],
  kwargs: Record<string, unknown> = {},
  headers: Record<string, string> = {},
) {
  return await send(JSON.stringify({ procedure, args, kwargs }), headers)
}
const op = (args: unknown[], headers: Record<string, string>, kwargs = {}) =>
  post('observatory.obedient.ops', args, kwargs, headers)
/** Status, message and session of an answer. */
const answer = ({ body }: { body: Record<string, unknown> }) =>
  ((body['args'] ?? []) as unknown[])[0] as [number, string, Record<string, unknown>]

test('an operator starts, waits and reads, by password or token', async () => {
  for (const headers of [
    basic('maya', PASSWORD),
    basic('maya', token),
    { authorization: `Bearer ${token}` },
    basic('me', local),
  ]) {
    expect(answer(await op(['start', 'measure', { kelvin: 2 }], headers))[0]).toBe(0)
    const [status, , session] = answer(await op(['wait', 'measure', {}], headers, { timeout: 5 }))
    expect([status, session['success'], session['data']]).toEqual([
      0,
      true,
      { kelvin: 2, odd: [null, null, 0], big: 2 ** 40 },
    ])
  }
  expect(answer(await op(['start', 'measure', { kelvn: 2 }], basic('maya', PASSWORD)))[0]).toBe(-1)
  const asked = kept.filter(({ kind, what }) => kind === 'request' && what === 'measure.start')
  expect(asked.map(({ principal }) => principal)).toEqual(['maya', 'maya', 'maya', 'me', 'maya'])
})

test('a process is stopped; a wait that runs out, runs out', async () => {
  const maya = basic('maya', PASSWORD)
  expect(answer(await op(['start', 'acq'], maya))[2]['status']).toBe('starting')
  expect(answer(await op(['wait', 'acq', {}], maya, { timeout: 0 }))[0]).toBe(1)
  expect(answer(await op(['stop', 'acq', {}], maya))[0]).toBe(0)
  expect(answer(await op(['wait', 'acq', {}], maya, { timeout: null }))[2]['status']).toBe('done')
})

test.each([
  ['nobody', {}],
  ['an observer', basic('otto', PASSWORD)],
])('%s on this machine sees how things are, and starts nothing', async (_, headers) => {
  expect(answer(await op(['status', 'acq'], headers))[0]).toBe(0)
  const [status, msg] = answer(await op(['start', 'acq'], headers))
  expect([status, msg.includes('Not done')]).toEqual([-1, true])
  // Its connection is cut for that, and it reconnects.
  expect(answer(await op(['status', 'acq'], headers))[0]).toBe(0)
})

test('what an agent says of itself has the shape that OCS knows', async () => {
  const { body } = await post('observatory.obedient', ['get_api'])
  const [api] = body['args'] as [Record<string, unknown[]>]
  expect(Object.keys(api).sort()).toEqual([
    'agent_class',
    'feeds',
    'instance_hostname',
    'instance_pid',
    'processes',
    'tasks',
  ])
  expect(api['tasks']?.map((task) => (task as unknown[])[0])).toEqual(['measure'])
})

test.each([
  ['an agent', 'observatory.nobody'],
  ['a root', 'elsewhere.obedient'],
  ['a procedure', 'observatory.obedient.feeds'],
])('%s that is not there is an error of WAMP', async (_, procedure) => {
  const { status, body } = await post(procedure, ['get_api'])
  expect([status, body]).toEqual([
    200,
    {
      error: 'wamp.error.no_such_procedure',
      args: [`no callee registered for procedure <${procedure}>`],
      kwargs: {},
    },
  ])
})

test('who shows what is not right is let in as nobody else', async () => {
  const other = token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A')
  for (const headers of [
    basic('maya', 'another password'),
    basic('nobody', PASSWORD),
    basic('maya', other),
    { authorization: 'Bearer x' },
  ])
    expect((await post('observatory.obedient', ['get_api'], {}, headers)).status).toBe(401)
  expect(kept.filter(({ kind, client }) => kind === 'refused' && client === 'http').length).toBeGreaterThan(0)
})

test('a password that is another now, and a token that is taken away, open nothing any more', async () => {
  await setPassword(file, 'lena', 'operator:1', PASSWORD)
  const fresh = addToken(file, 'lena')
  for (const headers of [basic('lena', PASSWORD), basic('lena', fresh)])
    expect((await op(['status', 'acq'], headers)).status).toBe(200)
  await setPassword(file, 'lena', 'operator:1', `${PASSWORD}s`)
  expect((await op(['status', 'acq'], basic('lena', PASSWORD))).status).toBe(401)
  revoke(file, 'lena')
  expect((await op(['status', 'acq'], basic('lena', fresh))).status).toBe(401)
  at.hub.recheck()
  expect((await op(['status', 'acq'], {})).status).toBe(200)
})

test('a web page of another origin calls nothing; of what is no call nothing is made', async () => {
  const page = { origin: 'http://evil.example', 'content-type': 'text/plain' }
  expect((await fetch(`${url}/call`, { method: 'POST', body: '{}', headers: page })).status).toBe(403)
  expect((await send('[1')).status).toBe(400)
  expect((await send('{"procedure": 3}')).status).toBe(400)
  expect((await fetch(`${url}/call`)).status).toBe(405)
  const long = await fetch(`${url}/call`, { method: 'POST', body: 'x'.repeat(limits.call_bytes + 1) })
  expect(long.status).toBe(413)
  const info = await fetch(`${url}/info`)
  expect([info.status, await info.json()]).toEqual([
    200,
    { realm: 'test_realm', address_root: 'observatory', version: '0.0.0' },
  ])
})

test('as many calls wait as may, of one who is nobody a part; those whose clients go make room', async () => {
  const maya = basic('maya', PASSWORD)
  expect(answer(await op(['start', 'acq'], maya))[0]).toBe(0)
  const body = JSON.stringify({ procedure: 'observatory.obedient.ops', args: ['wait', 'acq'] })
  const wait = (...more: string[]) => {
    const socket = connectTcp(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
    const head = ['POST /call HTTP/1.1', 'Host: 127.0.0.1', `Content-Length: ${body.length}`, ...more]
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
    return socket
  }
  const waiting = Array.from({ length: limits.principal_calls }, () => wait())
  while ((await op(['status', 'acq'], {})).status !== 503) waiting.push(wait())
  expect((await op(['status', 'acq'], maya)).status).toBe(200)
  const owner = `Authorization: Bearer ${local}`
  for (let n = 0; n < limits.calls; n++) waiting.push(wait(owner))
  while ((await op(['status', 'acq'], maya)).status !== 503) waiting.push(wait(owner))
  for (const socket of waiting) socket.destroy()
  while ((await op(['status', 'acq'], maya)).status !== 200);
  expect(answer(await op(['stop', 'acq', {}], maya))[0]).toBe(0)
  expect(answer(await op(['wait', 'acq', {}], maya, { timeout: 5 }))[2]['status']).toBe('done')
})

/** Everything received on a connection that stays silent after a request, until the hub ends it. */
const until = (...head: string[]) =>
  new Promise<string>((resolve) => {
    const socket = connectTcp(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
    let got = ''
    socket.on('data', (data) => {
      got += String(data)
    })
    socket.once('close', () => resolve(got))
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
  })

test('a connection that is silent after its request is ended, and sooner one that is refused', async () => {
  const refused = [
    'POST /call HTTP/1.1',
    'Host: 127.0.0.1',
    'Content-Length: 1000',
    'Authorization: Bearer x',
  ]
  const ends = [until('GET /info HTTP/1.1', 'Host: 127.0.0.1'), until(...refused)]
  expect(await Promise.race(ends)).toContain('401 ')
  expect(await ends[0]).toContain('200 OK')
})

test('a request without a host that is one is refused, and leaves no trace of a fault', async () => {
  for (const host of ['', 'a b', '[', 'x:y:z']) {
    const answer = await until('GET /info HTTP/1.1', `Host: ${host}`, 'Connection: close')
    expect([host, answer.slice(9, 12)]).toEqual([host, expect.stringMatching(/^4\d\d$/)])
  }
})
