/**
 * Three accounts of one machine: the lab's, which runs hub and agents; maya's, in the group of operators;
 * otto's, in neither. What each may do with the available programs: `ocs`, Mosquitto's clients, `ocs_mqtt.py`
 * and a custom agent in Python. Creates accounts, so it runs as root.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { operatorsPaths } from '../../src/principals/operators-token.ts'
import { Lab, OCS, ROOT, type Running } from './roles.ts'

setDefaultTimeout(400_000)

/** A Python that has paho-mqtt 2. */
const PYTHON = process.env['OCS_PAHO_PYTHON'] ?? ''
if (!PYTHON) throw new Error('OCS_PAHO_PYTHON has to name the Python that has paho-mqtt')
const accounts = ['ocs-lab', 'ocs-maya', 'ocs-otto'] as const
type Account = (typeof accounts)[number]
const GROUP = 'ocs-operators'

const tool = (...command: string[]) => {
  const { status, stderr } = spawnSync(command[0] ?? '', command.slice(1), { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`)
}
const idOf = (account: Account) => Number(spawnSync('id', ['-u', account], { encoding: 'utf8' }).stdout)

let lab: Lab
/** The flags that name its site file. */
let site: string[]
let count = 0
/** Starts a program as an account, with its own home. */
function as(account: Account, command: readonly string[], env: Record<string, string> = {}): Running {
  const home = lab.path('homes', account)
  const own = ['setpriv', '--reuid', account, '--regid', account, '--init-groups']
  const vars = { HOME: home, USER: account, XDG_STATE_HOME: '', OCS_STATE_DIR: '', ...env }
  return lab.program(`${account}-${++count}`, [...own, ...command], { env: vars, cwd: home })
}
async function done(account: Account, command: readonly string[], env?: Record<string, string>) {
  const running = as(account, command, env)
  const { code } = await running.ended(60)
  return { code, out: running.text('out'), err: running.text('err') }
}
const ocs = (account: Account, ...args: string[]) => done(account, [...OCS, ...args])

beforeAll(async () => {
  lab = new Lab()
  tool('groupadd', GROUP)
  for (const account of accounts) tool('useradd', '--no-create-home', '--user-group', account)
  tool('usermod', '-aG', GROUP, 'ocs-lab')
  tool('usermod', '-aG', GROUP, 'ocs-maya')
  chmodSync(lab.dir, 0o755)
  mkdirSync(lab.path('homes'))
  for (const account of accounts) {
    mkdirSync(lab.path('homes', account))
    chownSync(lab.path('homes', account), idOf(account), idOf(account))
    chmodSync(lab.path('homes', account), 0o711)
  }
  site = lab.site(
    'agent-class: FakeDataAgent, instance-id: fake',
    'agent-class: FakeDataAgent, instance-id: other',
  )
  const hub = as('ocs-lab', [...OCS, 'hub', '--operators', GROUP])
  await hub.says('listening on ws://', 40)
  const agent = as('ocs-lab', [...OCS, 'agent', '--instance-id', 'fake', ...site])
  await agent.says('session joined', 40)
})
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]()
  for (const account of accounts) spawnSync('userdel', [account])
  spawnSync('groupdel', [GROUP])
})

const start = ['ctrl', 'start', 'fake', 'set_heartbeat', '--heartbeat=false']

test('the account of the hub and the members of the group start; another looks on, and is told what to do', async () => {
  expect(await ocs('ocs-lab', ...start)).toMatchObject({ code: 0 })
  expect(await ocs('ocs-maya', ...start)).toMatchObject({ code: 0 })
  const refused = await ocs('ocs-otto', ...start)
  expect(refused.code).toBe(1)
  expect(refused.err).toContain('you are an observer without credentials and may only read')
  expect(refused.err).toContain('ocs hub passwd NAME --role operator:1')
  expect(await ocs('ocs-otto', 'ctrl', 'ls')).toMatchObject({
    code: 0,
    out: expect.stringContaining('fake '),
  })
  const history = await ocs('ocs-otto', 'ctrl', 'history', 'fake', 'set_heartbeat')
  expect(history.out).toContain('ocs-lab@')
  expect(history.out).toContain('(ocs-maya@')
  const { out } = await ocs('ocs-lab', 'hub', 'refused')
  expect(out).toContain('set_heartbeat/start')
})

test('the token of the account is read by nobody else, that of the group by its members alone', async () => {
  const state = lab.path('homes', 'ocs-lab', '.local', 'state', 'ocs', 'hub')
  for (const account of ['ocs-maya', 'ocs-otto'] as const)
    expect((await done(account, ['cat', `${state}/local.token`])).code).not.toBe(0)
  const [group = ''] = operatorsPaths(idOf('ocs-lab'), 1883)
  expect(statSync(group).mode & 0o777).toBe(0o640)
  expect((await done('ocs-maya', ['cat', group])).code).toBe(0)
  expect((await done('ocs-otto', ['cat', group])).code).not.toBe(0)
})

test('an agent of another account is refused with the command that lets it in, which does', async () => {
  const args = ['agent', '--instance-id', 'other', ...site]
  const refused = await ocs('ocs-otto', ...args)
  expect(refused.code).toBe(1)
  expect(refused.err).toContain('ocs hub token other')
  const made = await ocs('ocs-lab', 'hub', 'token', 'other')
  const file = lab.path('homes', 'ocs-otto', 'other.json')
  writeFileSync(file, made.out, { mode: 0o600 })
  chownSync(file, idOf('ocs-otto'), idOf('ocs-otto'))
  const agent = as('ocs-otto', [...OCS, ...args], { OCS_CREDENTIALS: file })
  await agent.says('session joined', 40)
  // It may act as that agent and nothing else.
  const posing = ['ctrl', 'start', 'fake', 'set_heartbeat', '--heartbeat=false']
  expect((await done('ocs-otto', [...OCS, ...posing], { OCS_CREDENTIALS: file })).code).toBe(1)
  await agent.stop()
})

test('Mosquitto’s clients of another account look at all but requests and answers, and are cut for anything else', async () => {
  const spy = as('ocs-otto', ['mosquitto_sub', '-p', '1883', '-t', '#', '-v'])
  await spy.says('observatory/fake/presence ')
  expect(await ocs('ocs-lab', 'ctrl', 'lock', 'fake')).toMatchObject({ code: 0 })
  expect(await ocs('ocs-lab', 'ctrl', 'unlock', 'fake')).toMatchObject({ code: 0 })
  const mark = spy.mark
  await spy.says('observatory/fake/presence ', 20, mark)
  expect(spy.text()).not.toMatch(/\/(?:replies|queries|replayed|replay)\/|\/ops\/\w+\/\w+\//)
  for (const topic of [
    'observatory/fake/ops/acq/stop/rogue',
    'observatory/rogue/presence',
    'observatory/fake/ack/false_temperatures',
  ]) {
    const pub = ['mosquitto_pub', '-p', '1883', '-i', 'rogue', '-q', '1', '-t', topic, '-m', '{}']
    const { code, err } = await done('ocs-otto', pub)
    expect([topic, code === 0, err]).toEqual([topic, false, expect.stringMatching(/lost|refused|not auth/i)])
  }
  await spy.stop()
})

const PRELUDE = `import sys; sys.path.insert(0, '${ROOT}/python')
from ocs_mqtt import *
`
test('a script in Python starts on the account of the hub, and is refused on another with what to do', async () => {
  const script = `${PRELUDE}
reply = OCSClient('fake').set_heartbeat(heartbeat=False)
print(reply.status.name, reply.msg)`
  expect((await done('ocs-lab', [PYTHON, '-c', script])).out).toContain('OK ')
  const refused = await done('ocs-otto', [PYTHON, '-c', script])
  expect(refused.out).toContain('ERROR Not done: here you are an observer without credentials')
})

const AGENT = `${PRELUDE}
import os, time
mqtt = paho.Client(CallbackAPIVersion.VERSION2, client_id='own', protocol=paho.MQTTv311)
known = json.loads(open(os.environ['OCS_CREDENTIALS']).read())
mqtt.username_pw_set(known['principal'], known['token'])
def connected(client, data, flags, reason, props):
    print('connected:', reason, flush=True)
    client.subscribe('observatory/own/ops/+/+/+', 1)
    client.publish('observatory/own/events', json.dumps({'time': time.time(), 'level': 'info', 'text': 'here', 'kind': 'x'}), 1)
def message(client, data, message):
    print('asked by', json.loads(message.payload)['caller'], flush=True)
mqtt.on_connect, mqtt.on_message = connected, message
mqtt.on_subscribe = lambda *_: print('listens', flush=True)
mqtt.connect('127.0.0.1', 1883, keepalive=10)
mqtt.loop_forever()
`
test('an agent in another language is let in with its token, and told by the hub who asks', async () => {
  const made = await ocs('ocs-lab', 'hub', 'token', 'own')
  const file = lab.path('homes', 'ocs-otto', 'own.json')
  writeFileSync(file, made.out, { mode: 0o600 })
  chownSync(file, idOf('ocs-otto'), idOf('ocs-otto'))
  const agent = as('ocs-otto', [PYTHON, '-u', '-c', AGENT], { OCS_CREDENTIALS: file })
  await agent.says('connected: Success', 20)
  await agent.says('listens')
  const token = readFileSync(
    lab.path('homes', 'ocs-lab', '.local', 'state', 'ocs', 'hub', 'local.token'),
    'utf8',
  )
  const where = ['-p', '1883', '-u', 'ocs-lab', '-P', token.trim(), '-i', 'me', '-q', '1']
  const text = JSON.stringify({ id: 'r1', params: {}, caller: { principal: 'god', level: 3, from: 'x' } })
  const pub = ['mosquitto_pub', ...where, '-t', 'observatory/own/ops/acq/start/me', '-m', text]
  expect((await done('ocs-lab', pub)).code).toBe(0)
  const { text: said } = await agent.says('asked by')
  expect(said).toContain("'principal': 'ocs-lab'")
  expect(said).not.toContain('god')
  await agent.stop()
})
