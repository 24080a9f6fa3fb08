/** People and agents of other accounts: added, let in, refused with what to do, and taken out again. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { presence } from '../broker/hub.test-aid.ts'
import { limits } from '../broker/limits.ts'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import { commandLine } from './ctrl/ctrl.test-aid.ts'

let folder: string
let hub: ReturnType<typeof commandLine>
let site: string[]
const PASSWORD = 'correct horse battery'
const running: ReturnType<typeof commandLine>[] = []

/** `ocs …` of an account, which has a state folder and a home of its own. */
function of(account: string, argv: readonly string[], env: Record<string, string> = {}) {
  const line = commandLine(argv, { state: join(folder, account), env })
  return line
}
async function done(account: string, argv: readonly string[], env?: Record<string, string>) {
  const line = of(account, argv, env)
  return { code: await line.code, out: line.out(), err: line.err() }
}
async function typed(account: string, argv: readonly string[], text: string) {
  const line = of(account, argv)
  line.input.end(`${text}\n`)
  return { code: await line.code, out: line.out(), err: line.err() }
}
/** Begins an agent of the lab, and waits until it has joined. */
async function agent(account: string, instance: string, env: Record<string, string> = {}) {
  const file = join(folder, 'site.yaml')
  const line = of(
    account,
    ['agent', '--instance-id', instance, '--site-file', file, '--site-host', 'here'],
    env,
  )
  running.push(line)
  await line.says('session joined')
  return line
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ocs-login-'))
  hub = of('lab', ['hub', '--listen', '127.0.0.1:0', '--listen-ws', '127.0.0.1:0'])
  await hub.says('listening on ws')
  const url = /mqtt:\S+/.exec(hub.err())?.[0] ?? ''
  site = ['--site-hub', url]
  writeFileSync(
    join(folder, 'site.yaml'),
    `hub: {mqtt_server: "${url}"}
hosts:
  here:
    agent-instances:
      - {instance-id: fake, agent-class: FakeDataAgent}
      - {instance-id: other, agent-class: FakeDataAgent}
      - {instance-id: third, agent-class: FakeDataAgent}
`,
  )
})
afterAll(async () => {
  for (const line of [...running, hub]) {
    line.terminate()
    await line.code
  }
  rmSync(folder, { recursive: true })
})

const start = ['ctrl', 'start', 'fake', 'delay_task']

test('the account of the hub needs nothing; its token is its alone', async () => {
  const token = join(folder, 'lab', 'hub', 'local.token')
  expect(statSync(token).mode & 0o777).toBe(0o600)
  await agent('lab', 'fake')
  expect(await done('lab', [...start, ...site])).toMatchObject({ code: 0 })
  expect(hub.err()).not.toContain(readFileSync(token, 'utf8').trim())
})

test('another account looks on, and a start says who it is, what it may do and the command that changes it', async () => {
  const looked = await done('maya', ['ctrl', 'ls', ...site])
  expect(looked).toMatchObject({ code: 0, out: expect.stringContaining('fake ') })
  const refused = await done('maya', [...start, ...site])
  expect(refused.code).toBe(1)
  expect(refused.out + refused.err).toContain('you are an observer without credentials and may only read')
  expect(refused.out + refused.err).toContain('ocs hub passwd NAME --role operator:1')
  await hub.says('it is an observer without credentials')
  const locked = await done('maya', ['ctrl', 'lock', 'fake', ...site])
  expect(locked.code).toBe(1)
  expect(locked.out + locked.err).toContain('may only read')
})

test('an agent of another account is told where its credentials come from', async () => {
  const file = join(folder, 'site.yaml')
  const args = ['agent', '--instance-id', 'other', '--site-file', file, '--site-host', 'here']
  const { code, err } = await done('maya', args)
  expect(code).toBe(1)
  expect(err).toContain('has no credentials for this hub')
  expect(err).toContain('ocs hub token other')
})

test('a password is set, and fetches a token that the account shows from then on', async () => {
  const added = await typed('lab', ['hub', 'passwd', 'maya', '--role', 'operator:1'], PASSWORD)
  expect(added).toMatchObject({ code: 0, err: expect.stringContaining('maya is operator:1') })
  const principals = readFileSync(join(folder, 'lab', 'hub', 'principals.yaml'), 'utf8')
  expect(principals).not.toContain('horse')
  expect(await typed('maya', ['login', 'maya', ...site], 'wrong horse')).toMatchObject({
    code: 1,
    err: expect.stringContaining('does not know maya with this password'),
  })
  const file = join(folder, 'maya', 'config', 'ocs', 'credentials', 'test_realm')
  expect(existsSync(file)).toBeFalse()
  const { code, err } = await typed('maya', ['login', 'maya', ...site], PASSWORD)
  expect(err).toContain(`(${file})`)
  expect(code).toBe(0)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const { token } = JSON.parse(readFileSync(file, 'utf8'))
  expect(readFileSync(join(folder, 'lab', 'hub', 'principals.yaml'), 'utf8')).not.toContain(token)
  expect(hub.err()).not.toContain('horse')
  expect(await done('maya', ['ctrl', 'lock', 'fake', ...site])).toMatchObject({ code: 0 })
  expect(await done('maya', ['ctrl', 'unlock', 'fake', ...site])).toMatchObject({ code: 0 })
  // By force takes level 3, and the history has the hub's word.
  expect(await done('lab', ['ctrl', 'lock', 'fake', ...site])).toMatchObject({ code: 0 })
  const forced = await done('maya', ['ctrl', 'unlock', 'fake', '--force', ...site])
  expect(forced).toMatchObject({ code: 1, err: expect.stringContaining('locked by') })
  expect(await done('lab', ['ctrl', 'unlock', 'fake', ...site])).toMatchObject({ code: 0 })
  expect(
    await done('maya', ['ctrl', 'start', 'fake', 'set_heartbeat', '--heartbeat=false', ...site]),
  ).toMatchObject({ code: 0 })
  const past = await done('lab', ['ctrl', 'history', 'fake', 'set_heartbeat', ...site])
  expect(past.out).toContain(`maya@${hostname()}`)
})

test('an agent of another account joins with the file made for it, and with that of another instance does not', async () => {
  const file = join(folder, 'fake.json')
  const args = ['hub', 'token', 'other', '-o', file, ...site]
  expect(await done('lab', args)).toMatchObject({ code: 0, err: expect.stringContaining('OCS_CREDENTIALS') })
  expect(statSync(file).mode & 0o777).toBe(0o600)
  await agent('otto', 'other', { OCS_CREDENTIALS: file })
  const posing = [
    'agent',
    '--instance-id',
    'fake',
    '--site-file',
    join(folder, 'site.yaml'),
    '--site-host',
    'here',
  ]
  const { code, err } = await done('otto', posing, { OCS_CREDENTIALS: file })
  expect(code).toBe(1)
  expect(err).toContain('shows it credentials of other')
})

test('who was refused what is told, and who asked for what is kept', async () => {
  const { out } = await done('lab', ['hub', 'refused'])
  expect(out).toMatch(
    /nobody +ctrl-\w+ +127.0.0.1:\d+ +.*fake\/ops\/delay_task\/start.*needs the role operator/,
  )
  expect(out).toContain('no such name and password')
  const kept = readFileSync(join(folder, 'lab', 'hub', 'audit.jsonl'), 'utf8')
  expect(kept).toMatch(/"what":"lock".*"principal":"maya"/)
  expect(kept).not.toContain('horse')
})

test('an agent for which the hub has no room just now waits for it', async () => {
  const file = join(folder, 'third.json')
  await done('lab', ['hub', 'token', 'third', '-o', file, ...site])
  const { token } = JSON.parse(readFileSync(file, 'utf8'))
  const more = { username: 'third', password: token, reconnectPeriod: 0 }
  const crowd = await Promise.all(
    Array.from({ length: limits.principal_connections }, (_, n) =>
      connectAsync(site[1] ?? '', { clientId: `third.${n}`, ...more }),
    ),
  )
  const joined = agent('otto', 'third', { OCS_CREDENTIALS: file })
  await hub.says(`"third" refused: third has ${limits.principal_connections} clients already`)
  await crowd.pop()?.endAsync()
  await joined
  await Promise.all(crowd.map((client) => client.endAsync()))
})

test('an administrator forgets an agent that is gone, an operator does not, and is told how; the hub’s account any id', async () => {
  const url = site[1] ?? ''
  const password = readFileSync(join(folder, 'lab', 'hub', 'local.token'), 'utf8').trim()
  const leave = async (clientId: string, ...what: readonly (readonly [topic: string, text: string])[]) => {
    const client = await connectAsync(url, { clientId, username: 'lab', password, reconnectPeriod: 0 })
    for (const [on, text] of what)
      await client.publishAsync(`observatory/${clientId}/${on}`, text, { qos: 1, retain: true })
    await client.endAsync()
  }
  await leave('typo', ['presence', JSON.stringify({ ...presence('s1'), state: 'offline' })], ['api', '[]'])
  const forget = (account: string) => done(account, ['ctrl', 'forget', 'typo', ...site])
  const refused = await forget('maya')
  expect([refused.code, refused.err]).toEqual([
    1,
    expect.stringMatching(
      /typo is not forgotten: the hub refused to publish it: .*api.*; it is maya, an operator of level 1\. Only the account that runs the hub .*--role admin/,
    ),
  ])
  await typed('lab', ['hub', 'passwd', 'ada', '--role', 'admin'], PASSWORD)
  await typed('ada', ['login', 'ada', ...site], PASSWORD)
  expect(await forget('ada')).toMatchObject({ code: 0, out: expect.stringContaining('typo is forgotten') })
  expect(await forget('ada')).toMatchObject({
    code: 3,
    err: expect.stringContaining('no agent "typo" is known'),
  })
  // Of this no reader can make sense, so that no list has it.
  await leave('junk', ['last/f', 'nonsense'], ['ops/acq/session', '[]'])
  const junk = () => done('lab', ['hub', 'forget', 'junk', ...site])
  expect(await junk()).toMatchObject({ code: 0, out: 'junk: 2 retained messages cleared\n' })
  expect(await junk()).toMatchObject({ code: 0, out: 'nothing is retained of junk\n' })
  expect(await done('lab', ['hub', 'forget', 'fake', ...site])).toMatchObject({
    code: 1,
    err: expect.stringContaining('fake runs: stop it first'),
  })
})

test('who did what is told to administrators, with where from and what with', async () => {
  const all = await done('lab', ['ctrl', 'history', '--audit', '--limit', '500', ...site])
  expect([all.code, all.err]).toEqual([0, ''])
  expect(all.out).toMatch(/^TIME +KIND +WHO +FROM +WHAT +WITH +WHY/)
  expect(all.out).toMatch(
    /request +maya +ctrl-\w+, 127.0.0.1:\d+ +fake set_heartbeat.start +\{"heartbeat":false\}/,
  )
  expect(all.out).toMatch(/refused +nobody .*needs the role operator/)
  const { out } = await done('lab', ['ctrl', 'history', 'other', '--audit', '--json', ...site])
  expect(JSON.parse(out)).toEqual([])
  for (const [words, code, says] of [
    [['fake', 'delay_task', '--audit'], 2, '--audit takes an instance at most'],
    [['--audit', '--limit', '501'], 2, 'at most 500 with --audit'],
  ] as const)
    expect(await done('lab', ['ctrl', 'history', ...words, ...site])).toMatchObject({
      code,
      err: expect.stringContaining(says),
    })
  expect(await done('maya', ['ctrl', 'history', '--audit', ...site])).toMatchObject({
    code: 1,
    err: expect.stringContaining(
      'the audit log is for administrators, and you are maya, an operator of level 1 here',
    ),
  })
})

test('whom a hub knows is listed, and who is taken out is refused at once', async () => {
  const listed = await done('lab', ['hub', 'users'])
  expect(listed.out).toMatch(/^maya +operator:1 +password +1 token,/m)
  expect(listed.out).toMatch(/^other +agent +1 token,/m)
  const { token } = JSON.parse(
    readFileSync(join(folder, 'maya', 'config', 'ocs', 'credentials', 'test_realm'), 'utf8'),
  )
  const url = site[1] ?? ''
  await using bus = connectMqtt({
    url,
    client: 'maya-1',
    credentials: () => ({ principal: 'maya', tokens: [token] }),
  })
  await reached(bus, url, 5)
  const cut = Promise.withResolvers<void>()
  using _ = bus.onConnected((connected) => !connected && cut.resolve())
  expect(await done('lab', ['hub', 'revoke', 'maya'])).toMatchObject({ code: 0 })
  await hub.says('cut off; it was maya, an operator of level 1')
  await cut.promise
  const refused = await done('maya', [...start, ...site])
  expect(refused.code).toBe(3)
  expect(refused.err).toContain('does not accept this client')
  expect(refused.err).toContain('ocs login')
  expect(await done('lab', ['hub', 'revoke', 'maya'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('there is no account maya (there are: other, third, ada)'),
  })
})
