import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync, type IClientOptions } from 'mqtt'
import { AuditEntry } from '../core/channels.ts'
import { auditFile, readAudit } from '../principals/audit-file.ts'
import { byToken } from '../principals/identify.ts'
import { ownLocalTokens } from '../principals/local-token.ts'
import type { Principal } from '../principals/principal.ts'
import { addToken, principalsPath, revoke } from '../principals/principals-file.ts'
import { Audit } from './audit.ts'
import { testHub } from './hub.test-aid.ts'
import { hubAnswer } from './hub-answers.ts'
import type { Role } from './rules.ts'

/** A hub with an operator, an administrator and an agent, and a wait for its audit entries. */
async function audited() {
  const folder = mkdtempSync(join(tmpdir(), 'ocs-audit-'))
  const file = principalsPath(folder)
  const [local = ''] = ownLocalTokens([folder])
  const shown = (name: string, role: 'admin' | 'operator:2' | 'agent') => ({
    username: name,
    password: addToken(file, name, role),
  })
  const [ada, maya, ls240] = [shown('ada', 'admin'), shown('maya', 'operator:2'), shown('ls240', 'agent')]
  const write = auditFile(folder, () => {})
  const entries: AuditEntry[] = []
  let wake = () => {}
  const { hub } = await testHub({
    identify: byToken({ account: 'me', local: [local], file, log: () => {} }),
    keep(entry) {
      entries.push(entry)
      write(entry)
      wake()
    },
  })
  const enter = (clientId: string, more: IClientOptions = {}) =>
    connectAsync(hub.urls.mqtt, { clientId, protocolVersion: 4, reconnectPeriod: 0, ...more })
  return {
    ...{ folder, file, hub, entries, enter, ada, maya, ls240 },
    async kept(kind: AuditEntry['kind'], about: (entry: AuditEntry) => boolean = () => true) {
      for (;;) {
        const found = entries.find((entry) => entry.kind === kind && about(entry))
        if (found) return found
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    async [Symbol.asyncDispose]() {
      await hub.close()
      rmSync(folder, { recursive: true })
    },
  }
}
const START = 'observatory/ls240/ops/set_values/start/maya-1'

test('who starts what is kept, with parameters but without secrets; who only asks is not', async () => {
  await using at = await audited()
  const maya = await at.enter('maya-1', at.maya)
  const params = {
    channel: 3,
    smtp_password: 'hunter2',
    list: [{ api_token: 'abc' }],
    url: 'http://maya:geheim@x/',
    text: 'x'.repeat(5000),
  }
  for (const action of ['status', 'start']) {
    const on = START.replace('/start/', `/${action}/`)
    await maya.publishAsync(on, JSON.stringify({ id: 'r1', params }), { qos: 1 })
  }
  const { time, from, params: text = '', ...rest } = await at.kept('request')
  expect(rest).toEqual({
    kind: 'request',
    principal: 'maya',
    client: 'maya-1',
    instance: 'ls240',
    what: 'set_values.start',
  })
  expect(time).toBeGreaterThan(1.7e9)
  expect(from).toStartWith('127.0.0.1:')
  expect(text).toStartWith(
    '{"channel":3,"smtp_password":"***","list":[{"api_token":"***"}],"url":"http://maya:***@x/"',
  )
  expect(text).toHaveLength(1024)
  for (const entry of at.entries) expect(AuditEntry.safeParse(entry).error).toBeUndefined()
  await maya.endAsync()
})

test('log-ins, refusals, a taken id and a revocation are kept; of the same refusal one', async () => {
  await using at = await audited()
  const eye = await at.enter('ls240')
  const away = new Promise<void>((resolve) => eye.once('close', () => resolve()))
  const agent = await at.enter('ls240', at.ls240)
  const taken = await at.kept('takeover')
  expect([taken.principal, taken.why]).toEqual(['ls240', expect.stringContaining('from nobody')])
  expect(await at.kept('login')).toMatchObject({ principal: 'ls240', client: 'ls240' })
  await away
  for (let n = 0; n < 3; n++) {
    const other = await at.enter(`some-${n}`)
    const gone = new Promise<void>((resolve) => other.once('close', () => resolve()))
    other.publish('observatory/ls240/ack/f', '{}')
    await gone
  }
  await expect(at.enter('x', { username: 'maya', password: `ocs1_maya_${'x'.repeat(43)}` })).rejects.toThrow()
  await at.kept('refused', ({ why }) => why?.includes('an invalid token of maya') ?? false)
  const acks = at.entries.filter(({ why }) => why?.includes('needs the role recorder'))
  expect(acks).toHaveLength(1)
  const cut = new Promise<void>((resolve) => agent.once('close', () => resolve()))
  revoke(at.file, 'ls240')
  at.hub.recheck()
  expect(await at.kept('revoked')).toMatchObject({ principal: 'ls240', client: 'ls240' })
  await cut
  // Clients that only read are admitted without an entry.
  expect(at.entries.filter(({ kind, principal }) => kind === 'login' && principal === 'nobody')).toEqual([])
  const path = join(at.folder, 'hub', 'audit.jsonl')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readAudit(at.folder)).toEqual(at.entries)
})

test('who is refused something else each time fills neither the file nor the log, and hides nothing of others', () => {
  const entries: AuditEntry[] = []
  const audit = new Audit((entry) => entries.push(entry))
  const nobody: Principal = { name: '', role: 'newcomer', level: 0 }
  const from = (address: string, n: number) =>
    audit.refused({ principal: nobody, client: 'x', from: `${address}:${n}` }, `an invalid token of h${n}`)
  const told = Array.from({ length: 5000 }, (_, n) => from('10.0.0.9', n))
  // One more per two seconds, on a very slow machine.
  expect(entries.length).toBeWithin(100, 200)
  expect(told.filter(Boolean)).toHaveLength(entries.length)
  expect(from('10.0.0.7', 1)).toBeTrue()
  expect(entries.at(-1)).toMatchObject({ from: '10.0.0.7:1', why: 'an invalid token of h1' })
})

test('no id and no topic that a client makes up keeps what it was refused from who reads it', async () => {
  await using at = await audited()
  await expect(at.enter(`x${'z'.repeat(3000)}`)).rejects.toThrow()
  const odd = await at.enter('odd')
  odd.publish('\u0001'.repeat(210), 'x')
  await at.kept('refused', ({ client }) => client === 'odd')
  expect(readAudit(at.folder)).toEqual(at.entries)
  expect(at.entries.map(({ client }) => client.slice(0, 3))).toEqual(['xzz', 'odd'])
})

test('administrators hear it on the bus, and nobody else', async () => {
  await using at = await audited()
  const [ada, maya, eye] = [
    await at.enter('ada-1', at.ada),
    await at.enter('maya-1', at.maya),
    await at.enter('eye'),
  ]
  const heard = new Map<unknown, string[]>([ada, maya, eye].map((client) => [client, []]))
  const done = [ada, maya, eye].map(
    (client) =>
      new Promise<void>((resolve) => {
        client.on('message', (on) => {
          if (on === 'observatory/ls240/events') resolve()
          else if (on !== 'observatory/hub') heard.get(client)?.push(on)
        })
      }),
  )
  for (const client of [ada, maya, eye]) await client.subscribeAsync('#', { qos: 1 })
  for (const all of heard.values()) all.length = 0
  await maya.publishAsync(START, '{"id":"r1"}', { qos: 1 })
  const agent = await at.enter('ls240', at.ls240)
  await agent.publishAsync('observatory/ls240/events', '{}', { qos: 1 })
  await Promise.all(done)
  expect(heard.get(ada)).toEqual(['observatory/hub/audit', START, 'observatory/hub/audit'])
  expect([heard.get(maya), heard.get(eye)]).toEqual([[], []])
  for (const client of [ada, maya, eye, agent]) await client.endAsync()
})

test('the latest of what was kept before is told, too, and never more than is asked for', () => {
  const entry = (n: number): AuditEntry => ({
    ...{ time: n, kind: 'request', principal: 'maya', client: 'c', from: '::1' },
    instance: n % 2 ? 'odd' : 'even',
    what: 'acq.start',
  })
  const ada: Principal = { name: 'ada', role: 'admin', level: 3 }
  const before = Array.from({ length: 900 }, (_, n) => entry(n))
  const audit = new Audit(() => {}, before)
  expect(audit.latest).toEqual(before.slice(-500))
  for (let n = 0; n < 3000; n++) audit.came('takeover', { principal: ada, client: 'x', from: '::1' })
  expect(audit.latest.length).toBeWithin(500, 1001)
  const ask = (params: object, what = 'audit', roles: Role[] = ['admin']) => {
    const request = { id: 'r1', sent: 1, timeout: 5, params }
    const caller = { id: 'ada.1', roles: new Set(roles) }
    const packet = hubAnswer('observatory', { instance: 'hub', what, request }, caller, ada, before)
    expect(packet?.topic).toBe('observatory/hub/replies/ada.1/r1')
    return JSON.parse(packet?.payload ?? '')
  }
  expect(ask({}).result.entries).toHaveLength(100)
  expect(ask({ limit: 2, instance: 'odd' }).result.entries.map(({ time }: AuditEntry) => time)).toEqual([
    897, 899,
  ])
  expect(ask({ limit: 501 })).toMatchObject({ status: -1, msg: expect.stringContaining('1 to 500') })
  expect(ask({}, 'users')).toMatchObject({ status: -1, msg: expect.stringContaining('the hub has no users') })
  expect(ask({}, 'audit', ['observer', 'operator'])).toMatchObject({ status: -1 })
  const other = { instance: 'ls240', what: 'audit', request: {} }
  expect(hubAnswer('observatory', other, { id: 'a', roles: new Set() }, ada, before)).toBeUndefined()
})
