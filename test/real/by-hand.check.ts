/**
 * Agents of OCS started by hand on our hub, in a Python that has the package: they find a runtime, and end
 * with it.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { figure, Lab, ROOT, type Running, since, until } from './roles.ts'

setDefaultTimeout(400_000)

const PYTHON = process.env['OCS_NOTEBOOK_PYTHON'] ?? ''
if (!PYTHON)
  throw new Error('OCS_NOTEBOOK_PYTHON has to name a Python with the wheel of python/, ocs and coverage')
const SITE = `hub:
  wamp_server: ws://localhost:8001/ws
  wamp_http: http://localhost:8001/call
  wamp_realm: test_realm
  address_root: observatory
hosts:
  localhost:
    log-dir: logs
    agent-instances:
      - {instance-id: fake, agent-class: FakeDataAgent, arguments: [[--mode, acq]]}
      - {instance-id: hm, agent-class: HostManager}
      - {instance-id: idle, agent-class: FakeDataAgent, arguments: [[--mode, idle]]}
`

/** Children of a process. */
async function runtimeOf(agent: Running): Promise<number> {
  const children = await Bun.file(`/proc/${agent.pid}/task/${agent.pid}/children`).text()
  return Number(children.trim().split(' ')[0])
}

test('by coverage and by ocs-agent-cli: operated, recorded, and ended by Ctrl-C in time', async () => {
  await using lab = new Lab({ OCS_PROGRAM: join(ROOT, 'bin', 'ocs') })
  writeFileSync(lab.path('default.yaml'), SITE)
  const site = ['--site-file', lab.path('default.yaml'), '--site-host', 'localhost']
  const env = { OCS_CONFIG_DIR: lab.dir, COVERAGE_FILE: lab.path('coverage') }
  const found = lab.program('where', [
    PYTHON,
    '-c',
    'import ocs.agents.fake_data.agent as a; print(a.__file__)',
  ])
  await found.ended()
  const byHand = (name: string, ...words: string[]) => lab.program(name, words, { env })
  // It waits for a hub, as it would for a router.
  const fake = byHand(
    'fake',
    PYTHON,
    '-u',
    '-m',
    'coverage',
    'run',
    found.text('out'),
    '--instance-id',
    'fake',
    ...site,
  )
  await fake.says('waiting for the hub', 30)
  await lab.hub(...site)
  await fake.says('session joined', 60)
  const idle = byHand('idle', join(dirname(PYTHON), 'ocs-agent-cli'), '--instance-id', 'idle', ...site)
  await idle.says('session joined', 60)
  const ctrl = (...words: string[]) => lab.run(['ctrl', ...words, ...site])
  await until('acq runs', 30, async () => (await lab.session('fake', 'acq'))?.['status'] === 'running')
  // The hub knows it a moment after it has joined.
  await until('idle is known', 30, async () => (await ctrl('ls')).out.includes('idle'))
  expect(await ctrl('start', 'idle', 'delay_task', '--delay', '0.1', '--wait')).toMatchObject({ code: 0 })
  expect((await ctrl('start', 'idle', 'delay_task', '--delay', 'soon')).code).toBe(2)
  // Accepted, and answered.
  await fake.says('channel_00', 30)
  const kept = (await lab.run(['spool', 'ls'])).out
  expect(kept).toMatch(/fake/)
  expect(existsSync(lab.path('logs', 'observatory.fake.log'))).toBeTrue()
  const runtimes = [await runtimeOf(fake), await runtimeOf(idle)]
  const begun = performance.now()
  fake.signal('SIGINT')
  expect((await fake.ended(10)).code).toBe(0)
  figure(`ended ${since(begun).toFixed(1)} s after SIGINT`)
  expect(fake.text()).not.toMatch(/Traceback|rows wait/)
  expect(existsSync(lab.path('coverage'))).toBeTrue()
  // A task that ignores every signal.
  expect((await ctrl('start', 'idle', 'delay_task', '--delay', '600')).code).toBe(0)
  const stuck = performance.now()
  idle.signal('SIGINT')
  await idle.ended(10)
  figure(`ended ${since(stuck).toFixed(1)} s after SIGINT with a task that goes on`)
  await until('their runtimes have ended', 10, () => !runtimes.some((pid) => existsSync(`/proc/${pid}`)))
})

test('a host manager of OCS is that, and not ours', async () => {
  await using lab = new Lab({ OCS_PROGRAM: join(ROOT, 'bin', 'ocs') })
  writeFileSync(lab.path('default.yaml'), SITE.replaceAll('FakeDataAgent,', 'FakeDataAgent, manage: ignore,'))
  const site = ['--site-file', lab.path('default.yaml'), '--site-host', 'localhost']
  await lab.hub(...site)
  const words = [join(dirname(PYTHON), 'ocs-agent-cli'), '--instance-id', 'hm', ...site]
  const manager = lab.program('hm', words, { env: { OCS_CONFIG_DIR: lab.dir } })
  await manager.says('program running', 60)
  const runtime = await runtimeOf(manager)
  await manager.kill()
  await until('its runtime has ended', 15, () => !existsSync(`/proc/${runtime}`))
})

test('what is killed takes its runtime along, and comes again', async () => {
  await using lab = new Lab({ OCS_PROGRAM: join(ROOT, 'bin', 'ocs') })
  writeFileSync(lab.path('default.yaml'), SITE)
  const site = ['--site-file', lab.path('default.yaml'), '--site-host', 'localhost']
  await lab.hub(...site)
  const start = async () => {
    const words = [join(dirname(PYTHON), 'ocs-agent-cli'), '--instance-id', 'fake', ...site]
    const agent = lab.program('fake', words, { env: { OCS_CONFIG_DIR: lab.dir } })
    await agent.says('session joined', 60)
    return agent
  }
  const agent = await start()
  const runtime = await runtimeOf(agent)
  await agent.kill()
  await until('its runtime has ended', 15, () => !existsSync(`/proc/${runtime}`))
  const again = await start()
  // And the other way round.
  process.kill(await runtimeOf(again), 'SIGKILL')
  await again.ended(12)
})
