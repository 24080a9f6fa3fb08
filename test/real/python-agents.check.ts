/** Unmodified agents of OCS and socs, run as children: recorded, operated, killed. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { figure, Lab, since, until } from './roles.ts'

setDefaultTimeout(400_000)

const PYTHON = process.env['OCS_SOCS_PYTHON'] ?? ''
const KILLS = Number(process.env['PYTHON_KILLS'] ?? 4)
const SITE = `hub: {mqtt_server: "mqtt://127.0.0.1:1883"}
hosts:
  localhost:
    agent-instances:
      - {instance-id: aggregator, agent-class: AggregatorAgent, arguments: [--data-dir, data]}
      - instance-id: fake
        agent-class: FakeDataAgent
        runtime: python
        arguments: [--mode, acq, --num-channels, '2', --frame-length, '60']
      - {instance-id: synaccess, agent-class: SynaccessAgent, arguments: [--ip-address, 127.0.0.1, --username, a, --password, b]}
      - {instance-id: misspelt, agent-class: SynacessAgent}
      - {instance-id: registry, agent-class: RegistryAgent}
      - instance-id: listening
        agent-class: ListeningAgent
        module: ${join(import.meta.dir, 'listening_agent.py')}
      - instance-id: odd
        agent-class: OddAgent
        module: ${join(import.meta.dir, 'odd_agent.py')}
`

/** The pid of the Python that runs an instance. */
function childOf(lab: Lab, instance: string): number {
  const said = readFileSync(lab.path('log', `${instance}.log`), 'utf8')
  const pids = [...said.matchAll(/program running: pid (\d+)/g)]
  return Number(pids.at(-1)?.[1] ?? Number.NaN)
}

test('an unmodified agent is recorded whole, operated, and killed without loss of what was answered', async () => {
  await using lab = new Lab({ OCS_PYTHON: PYTHON })
  writeFileSync(lab.path('lab.yaml'), SITE)
  const site = ['--site-file', lab.path('lab.yaml'), '--site-host', 'localhost']
  const checked = await lab.run(['check', ...site, '--no-instruments'])
  expect(checked.out).toMatch(/synaccess: SynaccessAgent of socs \d/)
  expect(checked.out).toMatch(/fake: FakeDataAgent of ocs \d/)
  expect(checked.out).toContain('"SynacessAgent"')

  await lab.hub(...site)
  const recorder = lab.start('aggregator', ['agent', '--instance-id', 'aggregator', ...site])
  await recorder.says('Status is now "running"', 40)
  let agent = lab.start('fake', ['agent', '--instance-id', 'fake', ...site])
  await agent.says('acq: Status is now "running"', 60)
  await agent.says('channel_00', 30)

  const ctrl = (...args: string[]) => lab.run(['ctrl', ...args, ...site])
  const help = await ctrl('start', 'fake', 'delay_task', '--help')
  expect(help.out).toContain('--delay <number>')
  expect(await ctrl('start', 'fake', 'delay_task', '--delay', '0.1', '--wait')).toMatchObject({ code: 0 })
  const failed = await ctrl('start', 'fake', 'delay_task', '--delay', '0.1', '--succeed', 'false', '--wait')
  expect(failed.code).toBe(1)
  expect((await ctrl('start', 'fake', 'delay_task', '--delay', 'soon')).code).toBe(2)

  // Its site file has changed since it was started, as under `ocs up`.
  const copy = lab.path('copy.yaml')
  writeFileSync(copy, SITE)
  const env = { OCS_SITE_FILE: lab.path('lab.yaml'), OCS_SITE_COPY: copy }
  await agent.stop()
  agent = lab.start('fake', ['agent', '--instance-id', 'fake', ...site], { env })
  await agent.says('channel_00', 60)
  rmSync(copy)

  for (let i = 0; i < KILLS; i++) {
    const mark = agent.mark
    if (i % 2 === 0) {
      process.kill(childOf(lab, 'fake'), 'SIGKILL')
    } else {
      const orphan = childOf(lab, 'fake')
      await agent.kill()
      await until('its Python has ended', 15, () => !existsSync(`/proc/${orphan}`))
      agent = lab.start('fake', ['agent', '--instance-id', 'fake', ...site])
    }
    await agent.says('channel_00', 60, i % 2 === 0 ? mark : 0)
  }
  expect((await ctrl('stop', 'fake', 'acq', '--wait')).code).toBe(0)
  await agent.stop()
  await until('all is recorded', 60, async () => {
    const { out } = await lab.run(['spool', 'ls', ...site])
    return !/fake.*\b[1-9]\d* to record/.test(out)
  })
  await recorder.stop()
  const audit = await lab.run(['audit', '--data-dir', lab.path('data'), ...site])
  figure(`${KILLS} kills: ${audit.out.split('\n').filter((line) => line.includes('fake')).length} epochs`)
  expect(audit).toMatchObject({ code: 0, out: expect.stringContaining('whole') })
  // Nothing appears twice: each reading has a time of its own.
  const csv = lab.path('fake.csv')
  expect(
    (await lab.run(['export', 'fake.*.*', '--from', '-1d', '--data-dir', lab.path('data'), '--out', csv]))
      .code,
  ).toBe(0)
  const times = readFileSync(csv, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',')[0])
  figure(`${times.length} readings`)
  expect(times.length).toBeGreaterThan(20)
  expect(new Set(times).size).toBe(times.length)
})

test('an agent hears the feeds of others, and asks them, as it does on crossbar', async () => {
  await using lab = new Lab({ OCS_PYTHON: PYTHON })
  writeFileSync(lab.path('lab.yaml'), SITE)
  const site = ['--site-file', lab.path('lab.yaml'), '--site-host', 'localhost']
  await lab.hub(...site)
  const fake = lab.start('fake', ['agent', '--instance-id', 'fake', ...site])
  await fake.says('acq: Status is now "running"', 60)
  const registry = lab.start('registry', ['agent', '--instance-id', 'registry', ...site])
  await registry.says('session joined', 60)
  const agent = lab.start('listening', ['agent', '--instance-id', 'listening', ...site])
  await agent.says('session joined', 60)
  const task = async (op: string, ...params: string[]) => {
    const { code, out, err } = await lab.run(['ctrl', 'start', 'listening', op, ...params, '--wait', ...site])
    return { code, out: out + err, data: (await lab.session('listening', op))?.['data'] }
  }
  await until('a message has come', 30, async () => (await task('told')).code === 0)
  expect((await task('told')).data).toEqual({
    block: 'temps',
    class: 'FakeDataAgent',
    fields: ['channel_00', 'channel_01'],
    values: ['float'],
    tags: { _field: 'temperature', channel: 0 },
  })
  // Those of an agent in Python, of one of ours, and of itself.
  await until('heartbeats have come', 30, async () => (await task('beats')).code === 0)
  expect((await task('beats')).data).toMatchObject({
    'observatory.fake': { acq: 3, delay_task: 1 },
    'observatory.registry': { main: expect.any(Number) },
    'observatory.listening': { beats: expect.any(Number) },
  })
  expect(await task('client', '--delay', '0.1')).toMatchObject({
    code: 0,
    data: { said: expect.any(String) },
  })
  expect(await task('call')).toMatchObject({ code: 0, data: { op: 'acq' } })
})

test('what JSON has no word for hides no agent, much is left out and told, and what hangs is gone with its runtime', async () => {
  await using lab = new Lab({ OCS_PYTHON: PYTHON })
  writeFileSync(lab.path('lab.yaml'), SITE)
  const site = ['--site-file', lab.path('lab.yaml'), '--site-host', 'localhost']
  await lab.hub(...site)
  const agent = lab.start('odd', ['agent', '--instance-id', 'odd', ...site], { env: { LC_ALL: 'C' } })
  await agent.says('session joined', 60)
  const task = async (op: string) => {
    const { code } = await lab.run(['ctrl', 'start', 'odd', op, '--wait', ...site], {}, 60)
    return { code, data: (await lab.session('odd', op))?.['data'] }
  }
  expect(await task('odd')).toEqual({
    code: 0,
    data: {
      ...{ inf: 'Infinity', nan: 'NaN', large: '9007199254740993', array: [0, 1, 2] },
      ...{ set: [1], bytes: '\ufffd', surrogate: expect.any(String), '1.5': true },
    },
  })
  expect(agent.text()).toContain('Ångström')
  expect(await task('much')).toEqual({
    code: 0,
    data: { 'left out': expect.stringMatching(/^2097\d+ characters of JSON$/) },
  })
  expect(await task('boom')).toEqual({ code: 0, data: {} })
  expect(agent.text()).toContain('boom: its data is not shown: ValueError: boom')
  // All others are still reported as before.
  expect((await task('much')).code).toBe(0)
  expect((await lab.run(['ctrl', 'start', 'odd', 'hang', ...site])).code).toBe(0)
  const child = childOf(lab, 'odd')
  await agent.kill()
  const killed = performance.now()
  await until('its Python has ended', 15, () => !existsSync(`/proc/${child}`))
  figure(`a Python with threads that heed nothing has ended ${since(killed).toFixed(1)} s after its runtime`)
})
