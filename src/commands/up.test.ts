import { afterEach, expect, setDefaultTimeout, test } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../bridge/lab.test-aid.ts'
import { PROGRAM } from '../host/children.ts'
import { nextWait, stabilityOf } from '../host/keeper.ts'
import type { RoleState } from '../host/roles.ts'
import { RotatingLog, rotated } from '../host/rotating-log.ts'
import { freePort, spoken } from '../host/spoken.test-aid.ts'

// Each test starts some fifteen processes. What is to come is waited for as long as the test runner waits.
setDefaultTimeout(600_000)

const folder = mkdtempSync(join(tmpdir(), 'ocs-up-'))
const file = join(folder, 'lab.yaml')
const started: Bun.Subprocess[] = []
afterEach(async () => {
  for (const child of started.splice(0)) {
    child.kill('SIGTERM')
    await child.exited
  }
  rmSync(folder, { recursive: true, force: true })
})

const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(OCS_|XDG_|NO_COLOR)/.test(name))),
  OCS_STATE_DIR: join(folder, 'state'),
}

let ports: readonly number[] = []
function write(instances: readonly string[]): void {
  const [mqtt, ws] = ports
  const text = [
    `hub: {mqtt_server: "mqtt://127.0.0.1:${mqtt}", wamp_server: "ws://127.0.0.1:${ws}/ws"}`,
    'hosts:',
    '  localhost:',
    '    agent-instances:',
    ...instances.map((instance) => `      - {${instance}}`),
  ]
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${file}.new`, `${text.join('\n')}\n`)
  renameSync(`${file}.new`, file)
}
const fake = (id: string, more = '') => `instance-id: ${id}, agent-class: FakeDataAgent${more}`

async function ocs(...args: string[]) {
  const child = Bun.spawn([...PROGRAM, ...args, '--site-file', file], { env, stdout: 'pipe', stderr: 'pipe' })
  started.push(child)
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return { code: await child.exited, out, err }
}

/** A role as `ocs ps` prints it. */
type Ps = RoleState & { ports: string[] }

/** The roles by name. */
async function roles(): Promise<Record<string, Ps>> {
  const { roles: all } = JSON.parse((await ocs('ps', '--json')).out) as { roles: Ps[] }
  return Object.fromEntries(all.map((role) => [role.name, role]))
}

/** Starts `ocs up` in the foreground; `says` resolves with all it has printed once that has a text so often. */
function begin(...words: string[]) {
  const command = words.length > 0 ? words : ['up']
  const up = Bun.spawn([...PROGRAM, ...command, '--site-file', file], {
    env,
    stdout: 'ignore',
    stderr: 'pipe',
  })
  started.push(up)
  return { up, says: spoken(up.stderr) }
}

test('up keeps roles alive, follows the site file, and stops all, even what refuses to', async () => {
  ports = [await freePort(), await freePort()]
  write([
    fake('one'),
    fake('two'),
    fake('gone', ', manage: host/down'),
    'instance-id: acu, agent-class: ACUAgent',
    'instance-id: other, agent-class: ACUAgent',
  ])
  const { up, says } = begin()
  const first = await says('session joined', 2)
  expect(first.match(/no agent class ACUAgent/g)).toHaveLength(1)
  expect(first).toContain('acu, other left out')
  expect(first).not.toContain('\x1b')
  const before = await roles()
  expect(Object.keys(before)).toEqual(['hub', 'one', 'two', 'gone'])
  expect(Object.values(before).map(({ state }) => state)).toEqual(['running', 'running', 'running', 'down'])

  const listening = ports.map((port) => `127.0.0.1:${port}`).sort()
  expect(before['hub']?.ports).toEqual(listening)
  expect(before['one']?.ports).toEqual([])

  const second = await ocs('up')
  expect(second.code).toBe(1)
  expect(second.err).toContain(`pid ${up.pid}`)

  process.kill(before['one']?.pid ?? 0, 'SIGKILL')
  await says('one ended (SIGKILL); restarting in 1 s')
  await says('session joined: one', 2)
  const after = await roles()
  expect(after['one']).toMatchObject({ state: 'running', restarts: 1, last_exit: 'SIGKILL' })
  expect(after['one']?.pid).not.toBe(before['one']?.pid)
  expect(after['two']).toEqual(before['two'] as Ps)

  writeFileSync(file, 'hub: {\n')
  expect(await says('has errors; the roles stay as they were')).toContain(`${file}:`)
  expect(await roles()).toEqual(after)
  write([fake('one'), fake('two', ', arguments: [--num-channels, 3]'), fake('three')])
  await says('session joined: three')
  await says('session joined: two', 2)
  const changed = await roles()
  expect(changed['one']).toEqual(after['one'] as Ps)
  expect(changed['hub']).toEqual(after['hub'] as Ps)
  expect(changed['two']?.pid).not.toBe(after['two']?.pid)

  const logs = await ocs('logs', 'one', '-n', '500')
  expect(logs.out.match(/session joined: one/g)).toHaveLength(2)
  expect((await ocs('logs', 'ones')).err).toContain('did you mean "one"?')

  const pids = Object.values(changed).map(({ pid }) => pid ?? 0)
  process.kill(changed['three']?.pid ?? 0, 'SIGSTOP')
  expect(await ocs('down')).toMatchObject({ code: 0, out: 'stopped 4 roles of localhost\n' })
  await up.exited
  expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([])
  const over = await ocs('ps')
  expect(over.code).toBe(1)
  expect(over.out).toMatch(/three +stopped .*SIGKILL/)
})

test('in the background too it says what it leaves out; ps and status show that, and why', async () => {
  ports = [await freePort(), await freePort()]
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'ghost.ts'), "throw new Error('no such pump')\n")
  write([
    fake('one'),
    'instance-id: ghost, module: ./ghost.ts',
    'instance-id: nosuch, agent-class: NoSuchAgent',
    'instance-id: idle, agent-class: NoSuchAgent, manage: host/down',
  ])
  const up = await ocs('up', '--detach')
  try {
    expect(up.code).toBe(0)
    expect(up.err).toMatch(/ghost left out:[\s\S]*no such pump/)
    expect(up.err).toContain('nosuch left out: there is no agent class NoSuchAgent here')
    const ps = await ocs('ps')
    expect(ps.out).toMatch(/^ghost +left out .*no such pump/m)
    expect(ps.out).toMatch(/^nosuch +left out .*there is no agent class NoSuchAgent here/m)
    expect(ps.out).not.toContain('idle')
    const lines = (await ocs('status')).out.split('\n')
    expect(lines[0]).toContain(' of 3 roles well')
    expect(lines.slice(1, 3)).toEqual([
      expect.stringMatching(/^ghost left out: .*no such pump/),
      expect.stringMatching(/^nosuch left out: there is no agent class NoSuchAgent here/),
    ])
  } finally {
    await ocs('down')
  }
})

test('what one edit spoils keeps nothing from running, and what dies meanwhile comes back with what it had', async () => {
  ports = [await freePort(), await freePort()]
  write([fake('bad', ', arguments: [--mood, x]'), fake('one'), fake('two')])
  const { says } = begin()
  expect(await says('session joined', 2)).toContain(`bad left out:\n${file}:5:`)
  const before = await roles()
  expect(Object.keys(before)).toEqual(['hub', 'one', 'two'])

  const kill = async (name: string) => process.kill((await roles())[name]?.pid ?? 0, 'SIGKILL')
  // No YAML any more: the hub and the agents are started again with the file as it was.
  writeFileSync(file, 'hub: {\n')
  await says('has errors; the roles stay as they were')
  await kill('one')
  await says('session joined: one', 2)
  await kill('hub')
  await says('listening on mqtt://', 2)

  // One entry is spoilt, another's id cannot be read: both go on as they were, what else is changed is taken up.
  write([
    fake('one', ', arguments: [--mood, x]'),
    'instnce-id: two, agent-class: FakeDataAgent',
    fake('three'),
  ])
  await says('session joined: three')
  expect(await says('one stays as it was')).toContain(`${file}:5:`)
  const killed = [(await roles())['one']?.pid, (await roles())['two']?.pid]
  await kill('one')
  await kill('two')
  const after = await until(roles, (now) =>
    Object.values(now).every(({ state, pid }) => state === 'running' && !killed.includes(pid)),
  )
  expect(Object.keys(after).sort()).toEqual(['hub', 'one', 'three', 'two'])

  // Mended, and without the third: its texts are not kept for ever.
  write([fake('one'), fake('two')])
  await says('three stopped')
  const kept = readdirSync(join(folder, 'state', 'up')).filter((name) => name.endsWith('.yaml'))
  expect(kept).toHaveLength(1)
})

test('the bridge is told where to listen, in the foreground and in units of systemd', async () => {
  const [mqtt, ws, web] = [await freePort(), await freePort(), await freePort()]
  ports = [mqtt, ws]
  write([fake('one')])
  const { up, says } = begin('up', `--bridge=127.0.0.1:${web}`)
  await says(`listening on http://127.0.0.1:${web}`)
  up.kill('SIGTERM')
  await up.exited
  expect((await ocs('systemd', '--bridge=5001')).out).toMatch(/ bridge .*--listen 127\.0\.0\.1:5001$/m)
  const one = (await ocs('systemd', '--up', '--bridge=5001', '--no-hub')).out
  expect(one.match(/^ExecStart=.*/gm)).toEqual([
    expect.stringMatching(/ up --site-file .*lab\.yaml --no-hub --bridge 127\.0\.0\.1:5001$/),
  ])
  const wrong = await ocs('up', '--bridge=here')
  expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('It has to be ADDR:PORT')])
})

test('the host manager does the same over the bus', async () => {
  ports = [await freePort(), await freePort()]
  const manager =
    'instance-id: hm, agent-class: HostManager, manage: ignore, arguments: [--docker-compose, a]'
  write([manager, fake('one'), fake('two', ', manage: host/down'), 'instance-id: acu, agent-class: ACUAgent'])
  const { up, says } = begin()
  expect(await says('session joined: hm')).toContain('--docker-compose has no effect here')
  await says('session joined: one')
  const task = (name: string, ...params: string[]) => ocs('ctrl', 'start', 'hm', name, '--wait', ...params)
  /** Published once a second at most, so that a young session may have none yet. */
  const states = async (): Promise<object> => {
    const { session } = JSON.parse((await ocs('ctrl', 'status', 'hm', 'manager', '--json')).out) as {
      session: { data: { child_states?: unknown } | undefined }
    }
    return session.data?.child_states ? session.data : states()
  }
  expect(await states()).toMatchObject({
    child_states: [
      { instance_id: 'one', next_action: 'up', target_state: 'up', stability: 1, operable: true },
      { instance_id: 'two', next_action: 'down', target_state: 'down', restart_required: false },
      { instance_id: 'acu', agent_class: 'ACUAgent', target_state: 'up', operable: false },
    ],
    config_parse_status: { '[SCF]': [true, expect.any(Number), ''] },
    orphans: [],
  })

  const before = await roles()
  expect(await task('update', '--requests', '["one","down"]', '["two","up"]')).toMatchObject({ code: 0 })
  await says('session joined: two')
  expect(await roles()).toMatchObject({ one: { state: 'down', pid: null }, two: { state: 'running' } })
  expect((await roles())['hub']).toEqual(before['hub'] as Ps)
  for (const [id, why] of [
    ['twoo', 'did you mean "two"?'],
    ['acu', 'there is no agent class ACUAgent'],
  ]) {
    const refused = await task('update', '--requests', '["two","down"]', `["${id}","up"]`)
    expect(refused.code).toBe(1)
    expect(refused.err).toContain(`Nothing has changed: `)
    expect(refused.err).toContain(String(why))
  }
  expect((await roles())['two']).toMatchObject({ state: 'running', restarts: 0 })

  // What the file says of an instance counts again once it says something else of it.
  write([manager, fake('one', ', manage: down'), fake('two'), fake('three')])
  await says('session joined: three')
  expect(await roles()).toMatchObject({ one: { state: 'down' }, two: { state: 'running' } })
  expect((await task('docker_pull')).code).toBe(0)
  // Its answer has half a second to come out.
  await task('die')
  expect(await up.exited).toBe(0)
  expect(await says('stopped')).toContain('hm stopped')
  expect((await ocs('ps')).out).toMatch(/three +stopped/)
})

test('ocs agent runs a host manager too, all down when it is told so', async () => {
  ports = [await freePort(), await freePort()]
  write(['instance-id: hm, agent-class: HostManager', fake('one')])
  const { up, says } = begin('agent', '--instance-id', 'hm', '--initial-state', 'down')
  await says('session joined: hm')
  expect(await roles()).toMatchObject({ one: { state: 'down' } })
  expect(await ocs('ctrl', 'start', 'hm', 'update', '--wait', '--requests', '["all","up"]')).toMatchObject({
    code: 0,
  })
  await says('session joined: one')
  const second = await ocs('agent', '--instance-id', 'hm')
  expect(second.code).toBe(1)
  expect(second.err).toContain(`pid ${up.pid}`)
  // Stopped, its process stops what it manages.
  expect((await ocs('ctrl', 'stop', 'hm', 'manager', '--wait')).code).toBe(0)
  await says('one stopped')
  expect((await ocs('ctrl', 'start', 'hm', 'update', '--wait')).err).toContain(
    'Manager process is not running',
  )
})

test('a role that ends again and again is unstable, and stable 2 min later', () => {
  expect(stabilityOf([])).toBe(1)
  expect(stabilityOf([50])).toBeCloseTo(0.9)
  expect(stabilityOf([10, 20, 50])).toBeCloseTo(0.15)
  expect(stabilityOf([1, 2, 130])).toBe(0)
  expect(stabilityOf([121])).toBe(1)
})

test('waits double from 1 s to 60 s, and begin anew after a minute of life', () => {
  const waits = [0]
  for (let at = 0; at < 8; at++) waits.push(nextWait(waits.at(-1) ?? 0, 10))
  expect(waits.slice(1)).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
  expect(nextWait(60_000, 60_000)).toBe(1000)
})

test('five files of a log are kept, and no line is torn', () => {
  const path = join(folder, 'logs', 'it.log')
  const log = new RotatingLog(path, 100)
  for (let at = 0; at < 100; at++) log.write(`line ${String(at).padStart(4, '0')} ${'x'.repeat(20)}`)
  log.close()
  const text = [...rotated(path), path].map((name) => readFileSync(name, 'utf8')).join('')
  expect(text.match(/^line \d{4} x{20}$/gm)).toHaveLength(13)
  expect(text).toEndWith(`line 0099 ${'x'.repeat(20)}\n`)
  expect(existsSync(`${path}.5`)).toBe(false)
})
