import { afterAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { ownClock } from '../../test/own-clock.ts'
import { testHub } from '../broker/hub.test-aid.ts'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import { narrow, skewText } from '../check/clocks.ts'
import type { Finding } from '../check/finding.ts'
import { channels, type Presence } from '../core/channels.ts'
import { isFrozen, processName } from '../machine/process-name.ts'
import { makeAuthority, makeServer } from '../principals/certificate.ts'
import { credentialsFiles, writeCredentials } from '../principals/credentials.ts'
import { initKeys, keyFiles } from '../principals/hub-keys.ts'
import { byToken } from '../principals/identify.ts'
import { addToken } from '../principals/principals-file.ts'
import { Spool } from '../runtime/spool/spool.ts'
import { startLakeshore372 } from '../simulators/lakeshore372.ts'
import { commandLine } from './ctrl/ctrl.test-aid.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())
const folder = mkdtempSync(join(tmpdir(), 'ocs-check-'))
const file = join(folder, 'lab.yaml')
afterAll(() => rmSync(folder, { recursive: true }))

async function startSimulator() {
  const simulator = await startLakeshore372({ tcp: '127.0.0.1:0', serialNumber: 'LSA22YG' })
  const address = simulator.url.replace('tcp://', '')
  return { address, [Symbol.asyncDispose]: async () => simulator.close() }
}

const presence = (more: Partial<Presence>): Presence => ({
  state: 'online',
  session: 's',
  since: 1,
  time: Date.now() / 1000,
  agent_class: 'Lakeshore372Agent',
  host: 'here',
  pid: 7,
  version: '0',
  ...more,
})

const check = (text: string, ...flags: string[]) => checkIn({}, text, ...flags)

async function checkIn(env: Record<string, string>, text: string, ...flags: string[]) {
  writeFileSync(file, text)
  const argv = ['check', '--json', '--site-file', file, ...flags]
  const line = commandLine(argv, { state: join(folder, 'state'), env })
  const code = await line.code
  const { healthy, findings } = JSON.parse(line.out()) as { healthy: boolean; findings: Finding[] }
  expect(healthy).toBe(code === 0)
  const problems = findings.filter(({ level }) => level === 'problem').map(({ text: said }) => said)
  return { code, findings, problems }
}

/** A site file whose one instance has these lines. */
const lab = (lines: string, hub = 'mqtt_server: mqtt://127.0.0.1:1, wamp_server: "ws://127.0.0.1:1/ws"') =>
  `hub: {${hub}}\nhosts:\n  localhost:\n    agent-instances:\n${lines}\n`
const one = (more: string) => lab(`      - {instance-id: it, ${more}}`)
const fake = 'agent-class: FakeDataAgent'

const BROKEN = 'fixtures/sites/broken'
const broken = readdirSync(BROKEN).sort()

test('there are 40 broken site files and more', () => {
  expect(broken.length).toBeGreaterThanOrEqual(40)
})

test.each(broken)('every problem is told once, with its line and what to do: %s', async (name) => {
  const path = join(BROKEN, name)
  const expected = [...readFileSync(path, 'utf8').matchAll(/^# expect (\d+): (.+)$/gm)]
  expect(expected.length).toBeGreaterThan(0)
  const line = commandLine(['check', '--json', '--file-only', '--site-file', path])
  expect(await line.code).toBe(2)
  const { findings } = JSON.parse(line.out()) as { findings: Finding[] }
  const problems = findings.filter(({ level }) => level === 'problem').map(({ text }) => text)
  expect(problems.map((text) => Number(text.slice(resolve(path).length).split(':')[1]))).toEqual(
    expected.map(([, at]) => Number(at)),
  )
  for (const [at, [, , says]] of expected.entries()) expect(problems[at]).toContain(String(says))
})

test('a module in Python is looked at by its interpreter, and is no class to be found among plugins', async () => {
  const place = (name: string) => join(folder, name)
  const python = place('python')
  // An interpreter that has OCS, as far as its list of packages goes.
  mkdirSync(place('site/ocs-0.12.1.dist-info'), { recursive: true })
  writeFileSync(
    place('site/ocs-0.12.1.dist-info/METADATA'),
    'Metadata-Version: 2.1\nName: ocs\nVersion: 0.12.1\n',
  )
  writeFileSync(python, `#!/bin/sh\nPYTHONPATH="$PYTHONPATH:${place('site')}" exec python3 "$@"\n`, {
    mode: 0o755,
  })
  writeFileSync(place('mine.py'), 'import nothing_like_it\ndef main(args=None):\n    pass\n')
  writeFileSync(place('mainless.py'), 'def start():\n    pass\n')
  writeFileSync(place('broken.py'), 'x = 1\ndef main(:\n    pass\n')
  const said = async (module: string, by = python) => {
    const { findings } = await check(
      one(`agent-class: MyAgent, module: ./${module}, python: ${by}`),
      '--no-instruments',
    )
    return findings
      .filter(({ check: of }) => of === 'program')
      .map(({ level, text }) => `${level} ${text.replaceAll(`${folder}/`, '')}`)
  }
  expect(await said('mine.py')).toEqual(['ok it: ./mine.py by python with ocs 0.12.1'])
  const at = expect.stringMatching(/^problem lab.yaml:5:\d+: it: module /)
  for (const [module, why, by] of [
    ['mainless.py', 'module ./mainless.py: it has no function main', python],
    ['broken.py', /module .\/broken.py: line 2: invalid syntax/, python],
    ['none.py', 'module ./none.py: No such file or directory', python],
    ['mine.py', 'module ./mine.py: python3 has no package ocs', 'python3'],
  ] as const) {
    const [text, ...others] = await said(module, by)
    expect([text, others]).toEqual([at, []])
    expect(text).toMatch(why)
  }
})

test('several faults are told together, of arguments too', async () => {
  const lines = [
    `      - {instance-id: it, ${fake}, manage: host/upp}`,
    `      - {instance-id: it, ${fake}, arguments: [--mood, x]}`,
    '      - {instance-id: c, agent-class: BarebonesAgnt}',
  ]
  const { problems } = await check(lab(lines.join('\n')))
  expect(problems.map((text) => text.split(':')[1])).toEqual(['5', '6', '6', '7'])
})

test('a host that the file does not have', async () => {
  const text = one(fake).replace('localhost', 'grumpy')
  const { problems } = await check(text, '--site-host', 'grumpi')
  expect(problems).toEqual([expect.stringContaining('grumpy')])
})

test('healthy with its hub, and told when something else has the port', async () => {
  const { hub } = await testHub()
  const { code, findings } = await check(one(fake), '--site-hub', hub.urls.mqtt)
  expect(findings.filter(({ level }) => level === 'problem')).toEqual([])
  expect(findings).toContainEqual({
    check: 'hub',
    level: 'ok',
    text: `answers at ${hub.urls.mqtt}; agents online: 0`,
  })
  expect(code).toBe(0)
  await hub.close()
  using other = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } })
  const url = `mqtt://127.0.0.1:${other.port}`
  expect((await check(one(fake), '--site-hub', url)).problems).toEqual([expect.stringContaining(url)])
})

test('instruments are asked who they are, unless their agents run or nobody wants it', async () => {
  await using sim = await startSimulator()
  const at = (serial: string, id = 'it') =>
    one(
      `agent-class: Lakeshore372Agent, arguments: [--serial-number, ${serial}, --ip-address, "${sim.address}"]`,
    ).replace('instance-id: it', `instance-id: ${id}`)
  expect((await check(at('OTHER'), '--no-instruments')).problems).toEqual([])
  expect((await check(at('OTHER'))).problems).toEqual([
    expect.stringContaining('serial number LSA22YG, not OTHER'),
  ])
  const { problems, findings } = await check(at('LSA22YG'))
  expect(problems).toEqual([])
  expect(findings.at(-1)?.text).toContain('LSA22YG')

  const { hub } = await testHub()
  await using bus = connectMqtt({ url: hub.urls.mqtt, client: 'it' })
  await reached(bus, hub.urls.mqtt, 5)
  const here = { root: 'observatory', instance: 'it' }
  await bus.publish(channels.presence, here, presence({ host: hostname() }))
  const ofHub = ['--site-hub', hub.urls.mqtt]
  const running = await check(at('OTHER'), ...ofHub)
  expect(running.problems).toEqual([])
  expect(running.findings.map(({ text }) => text)).toContain('it: its agent runs')

  // One that another machine runs, whose clock is ahead.
  await bus.publish(channels.presence, here, presence({ host: 'grumpy', time: Date.now() / 1000 + 300 }))
  expect((await check(at('LSA22YG'), ...ofHub)).problems).toEqual([
    expect.stringMatching(
      /^that of grumpy is at least (4 min 5\d|5 min 0) s ahead of this one: .*timedatectl/,
    ),
    expect.stringContaining('it runs on grumpy already, pid 7'),
  ])
})

test('of a hub that is to start here both ports are looked at, also one that only the hub knows', async () => {
  using other = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } })
  const mqtt = 'mqtt_server: mqtt://127.0.0.1:21998'
  const ws = (at: string) => lab(`      - {instance-id: it, ${fake}}`, `${mqtt}${at}`)
  const taken = await check(ws(`, wamp_server: "ws://127.0.0.1:${other.port}/ws"`))
  expect(taken.problems).toEqual([expect.stringContaining(`port ${other.port} on 127.0.0.1 is in use`)])
  const { findings } = await check(ws(''))
  expect(findings.filter(({ check }) => check === 'ports').map(({ text }) => text)).toContainEqual(
    expect.stringContaining('8001'),
  )
})

test('wamp_http is where the hub answers scripts, or something else does', async () => {
  const { hub } = await testHub()
  using other = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } })
  const { port } = new URL(hub.urls.ws)
  const found = async (url: string, ...flags: string[]) => {
    const servers = `mqtt_server: "mqtt://127.0.0.1:1", wamp_server: "ws://127.0.0.1:${port}/ws", wamp_http: "${url}"`
    const { findings } = await check(lab(`      - {instance-id: it, ${fake}}`, servers), ...flags)
    return findings.filter(({ text }) => text.startsWith('wamp_http'))
  }
  const ofHub = ['--site-hub', hub.urls.mqtt]
  const right = `http://localhost:${port}/call`
  expect(await found(right, ...ofHub)).toEqual([])
  const wrong = 'http://localhost:1/call'
  const text = `wamp_http ${wrong}: the hub does not answer scripts there: did you mean ${right}?`
  expect(await found(wrong, ...ofHub)).toEqual([{ check: 'hub', level: 'problem', text }])
  expect(await found(`http://127.0.0.1:${other.port}/call`, ...ofHub)).toMatchObject([{ level: 'note' }])
  await hub.close()
  // A hub that is to start here.
  expect(await found(right)).toEqual([])
  expect(await found(wrong)).toEqual([{ check: 'hub', level: 'problem', text }])
})

test('a feed that the target of a data node does not have', async () => {
  const node = (feed: string) =>
    lab(
      [
        `      - {instance-id: it, ${fake}}`,
        `      - {instance-id: node, agent-class: ThermometryDataNode, arguments: [--target, it, --name, x, --feed, ${feed}]}`,
      ].join('\n'),
    )
  const fileOnly = async (text: string) => (await check(text, '--file-only')).problems
  expect(await fileOnly(node('false_temperatures'))).toEqual([])
  expect(await fileOnly(node('all'))).toEqual([])
  expect(await fileOnly(node('false_temperature'))).toEqual([
    expect.stringMatching(
      /lab\.yaml:6:\d+: --feed false_temperature: it \(FakeDataAgent\) has no such feed: did you mean "false_temperatures"\?/,
    ),
  ])
})

test('an agent that is frozen is said to be the one that does not answer, with what lets it go on', async () => {
  const path = join(folder, 'state', 'observatory', 'frozen.sqlite.lock')
  const holding = `
    import { lockFile } from ${JSON.stringify(resolve('src/machine/lock-file.ts'))}
    lockFile(${JSON.stringify(path)}, (by) => by)
    console.log('held')
    await new Promise((end) => process.stdin.on('data', end))`
  const agent = Bun.spawn([process.execPath, '-e', holding], { stdin: 'pipe', stdout: 'pipe' })
  // Also when what follows fails: a frozen process heeds nothing else.
  using _end = { [Symbol.dispose]: () => agent.kill('SIGKILL') }
  await agent.stdout.getReader().read()
  const text = one(
    'agent-class: Lakeshore372Agent, arguments: [--serial-number, X, --ip-address, "127.0.0.1:1"]',
  ).replace('instance-id: it', 'instance-id: frozen')
  const instruments = async () => (await check(text)).findings.filter(({ check: of }) => of === 'instrument')
  expect(await instruments()).toMatchObject([{ level: 'note' }])
  agent.kill('SIGSTOP')
  while (!isFrozen(agent.pid)) await new Promise(setImmediate)
  expect(processName(agent.pid)).toEndWith(`(pid ${agent.pid}, frozen: kill -CONT ${agent.pid} resumes it)`)
  const told = `frozen: its own agent (pid ${agent.pid}) is frozen and does not answer: kill -CONT ${agent.pid} resumes it, or restart it`
  expect(await instruments()).toEqual([{ check: 'instrument', level: 'problem', text: told }])
})

test('an agent that runs while its hub is dead is left in peace, and nobody is told to stop it', async () => {
  await using sim = await startSimulator()
  const path = join(folder, 'state', 'observatory', 'it.sqlite')
  const text = one(
    `agent-class: Lakeshore372Agent, arguments: [--serial-number, OTHER, --ip-address, "${sim.address}"]`,
  )
  const instruments = async () => {
    const { findings } = await check(text)
    return findings.filter(({ check }) => check === 'instrument')
  }
  expect(await instruments()).toEqual([expect.objectContaining({ level: 'problem' })])
  const spool = new Spool(path)
  expect(await instruments()).toEqual([
    {
      check: 'instrument',
      level: 'note',
      text: 'it: its agent runs here and waits for the hub, so the instrument is not identified',
    },
  ])
  await spool.close()
})

test('a hub that does not answer is told with who has its port', async () => {
  using mute = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const { problems } = await check(one(fake), '--site-hub', `mqtt://127.0.0.1:${mute.port}`)
  expect(problems.find((text) => text.startsWith('no hub at '))).toEndWith(
    `; ${processName(process.pid)} has the port: restart that one`,
  )
})

test('a recorder of the file that does not record is a problem, whether agents hold samples yet or not', async () => {
  const { hub } = await testHub()
  const url = hub.urls.mqtt
  await using agent = connectMqtt({ url, client: 'it' })
  await using recorder = connectMqtt({ url, client: 'rec' })
  await Promise.all([reached(agent, url, 3600), reached(recorder, url, 3600)])
  const feeds = { counts: { spool: 's', epochs: [{ epoch: 'e0', first: 1, last: 20, acked: 5 }] } }
  const here = (instance: string) => ({ root: 'observatory', instance })
  await agent.publish(channels.presence, here('it'), presence({ host: hostname(), feeds }))
  await recorder.publish(channels.presence, here('rec'), presence({ host: hostname(), state: 'offline' }))
  const record = { kind: 'process', help: '', params: {}, startup: true, min_privs: 1 } as const
  await recorder.publish(channels.api, here('rec'), {
    ...{ agent_class: 'AggregatorAgent', help: '', queries: {}, feeds: {} },
    ops: { record },
  })
  const both = lab(
    `      - {instance-id: it, ${fake}}\n      - {instance-id: rec, agent-class: AggregatorAgent}`,
  )
  const { findings } = await check(both, '--site-hub', url)
  expect(findings).toContainEqual({
    check: 'recording',
    level: 'problem',
    text: 'not recording: rec is stopped',
  })
  const none = { counts: { spool: 's', epochs: [{ epoch: 'e0', first: 1, last: 20, acked: 20 }] } }
  await agent.publish(channels.presence, here('it'), presence({ host: hostname(), feeds: none }))
  expect((await check(both, '--site-hub', url)).problems).toContain('not recording: rec is stopped')
  // Without a recorder in the file this is told as such.
  const alone = await check(one(fake), '--site-hub', url)
  expect(alone.findings.filter(({ check }) => check === 'recording')).toEqual([])
  await hub.close()
})

test('what messages tell of a clock: at least so far ahead, at most so far behind', () => {
  const skews = new Map()
  const said = () => skewText('grumpy', skews.get('grumpy'))
  narrow(skews, 'grumpy', -4, 5.5)
  expect(said()).toBeUndefined()
  narrow(skews, 'grumpy', -3, 0.5)
  expect(said()).toContain('at least 2.5 s behind')
  const other = new Map()
  narrow(other, 'grumpy', -2, 5.5)
  narrow(other, 'grumpy', 1.2, 5.5)
  expect(skewText('grumpy', other.get('grumpy'))).toContain('at least 1.2 s ahead')
})

test('a folder that cannot be', async () => {
  writeFileSync(join(folder, 'plain'), '')
  const data = join(folder, 'plain', 'data')
  const text = one(`agent-class: AggregatorAgent, arguments: [--data-dir, ${data}]`)
  const { problems } = await check(text.replace('127.0.0.1:1}', '127.0.0.1:21999}'))
  expect(problems).toEqual([expect.stringContaining(`${data} cannot be written`)])
})

test('a unit for each role; recorders stop after agents and before the hub', async () => {
  const text = lab(
    `      - {instance-id: it, ${fake}}\n      - {instance-id: rec, agent-class: AggregatorAgent}`,
  )
  writeFileSync(file, text)
  const out = join(folder, 'units')
  const line = commandLine(['systemd', '--site-file', file, '--out', out])
  expect(await line.code).toBe(0)
  expect(readdirSync(out).sort()).toEqual(
    ['hub', 'it', 'rec'].map((name) => `ocs-observatory-${name}.service`),
  )
  const unit = (name: string) => readFileSync(join(out, `ocs-observatory-${name}.service`), 'utf8')
  expect(unit('it')).toMatch(/^After=.* ocs-observatory-hub.service ocs-observatory-rec.service$/m)
  expect(unit('rec')).toMatch(/^After=network-online.target ocs-observatory-hub.service$/m)
  expect(unit('it')).toContain(`agent --instance-id it --site-file ${file} --site-host localhost\n`)
  // What a hub and the drains of its account share is in the state folder, which is theirs alone.
  const chosen = commandLine(['systemd', '--site-file', file, '--out', out, '--state-dir', '/srv/ocs'])
  expect(await chosen.code).toBe(0)
  expect(unit('hub')).toMatch(/^ExecStart=.* hub .*--state-dir \/srv\/ocs$/m)
  expect(unit('hub')).toMatch(/^StateDirectoryMode=0700$/m)
})

test('a certificate that ends soon, or has, is told', async () => {
  const state = join(folder, 'state')
  const said = async () =>
    (await check(one(fake))).findings.filter(({ check: what }) => what === 'certificate')
  expect(await said()).toEqual([])
  initKeys(state, ['localhost'])
  expect(await said()).toEqual([expect.objectContaining({ level: 'ok' })])
  const { ca, caKey, cert, key } = keyFiles(state)
  const authority = { cert: readFileSync(ca, 'utf8'), key: readFileSync(caKey, 'utf8') }
  const ending = async (days: number) => {
    const pair = makeServer(authority, ['localhost'], new Date(Date.now() - (824 - days) * 86_400_000))
    writeFileSync(cert, pair.cert)
    writeFileSync(key, pair.key)
    return said()
  }
  expect(await ending(20)).toEqual([
    expect.objectContaining({
      level: 'problem',
      text: expect.stringMatching(/in (19|20) days: ocs hub renew/),
    }),
  ])
  expect(await ending(-1)).toEqual([expect.objectContaining({ text: expect.stringContaining('expired on') })])
  rmSync(join(state, 'hub'), { recursive: true })
})

test('a hub that is open is told, also by status', async () => {
  const { hub } = await testHub({ insecure: true })
  const { findings } = await check(one(fake), '--site-hub', hub.urls.mqtt)
  expect(findings).toContainEqual(expect.objectContaining({ text: expect.stringContaining('it is open') }))
  const line = commandLine(['status', '--site-hub', hub.urls.mqtt], { state: join(folder, 'state') })
  expect(await line.code).toBe(0)
  expect(line.out()).toContain('INSECURE: anyone who can reach the hub may do anything')
  await hub.close()
})

test('where nobody has logged in a hub elsewhere is looked at by what an agent has, and who has nothing is told', async () => {
  const authority = makeAuthority()
  const principals = join(folder, 'principals.yaml')
  const { hub } = await testHub({
    keys: makeServer(authority, ['127.0.0.1']),
    listen: [{ host: '127.0.0.1', port: 0, tls: true }],
    identify: byToken({ account: 'lab', local: [], operators: undefined, file: principals, log: () => {} }),
  })
  const url = hub.listeners.find((one) => one.startsWith('mqtts:')) ?? ''
  const env = { XDG_CONFIG_HOME: join(folder, 'config') }
  const two = lab(['it', 'other'].map((id) => `      - {instance-id: ${id}, ${fake}}`).join('\n'))
  const look = async () => {
    const { findings } = await checkIn(env, two, '--site-hub', url)
    return findings.filter(({ check: what }) => what === 'hub').map(({ text }) => text)
  }
  expect(await look()).toEqual([expect.stringContaining('it has no credentials')])
  const give = (instance: string) => {
    const [own = ''] = credentialsFiles({ realm: 'test_realm', instance, env })
    const token = addToken(principals, instance, 'agent')
    writeCredentials(own, { hub: url, ca: authority.cert, principal: instance, token })
  }
  give('it')
  expect(await look()).toEqual([
    expect.stringContaining('answers at mqtts:'),
    expect.stringContaining('no credentials of other here: run ocs hub token other where the hub runs'),
  ])
  give('other')
  expect(await look()).toEqual([expect.stringContaining('answers at mqtts:')])
  await hub.close()
})
