/** `python/ocs_mqtt.py` as a lab script uses it, on paho-mqtt, through restarts of the hub and of agents. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { figure, Lab, type Outcome, ROOT, type Running, SLOW, seconds, since } from './roles.ts'

setDefaultTimeout(400_000)

/** A Python that has paho-mqtt 2. */
const PYTHON = process.env['OCS_PAHO_PYTHON'] ?? ''
if (!PYTHON) throw new Error('OCS_PAHO_PYTHON has to name the Python that has paho-mqtt')

const ODD = `
import { defineAgent } from '${ROOT}/src/core/agent.ts'
import { z } from '${ROOT}/node_modules/zod/index.js'
export default defineAgent({ class: 'OddAgent', help: 'Odd data.', args: z.object({}), feeds: {}, connect: async () => ({}) })
  .task('odd-data', { help: 'NaN and others.' }, async ({ session }) => {
    session.set({ nan: NaN, list: [Infinity, -Infinity, 1.5], big: 2n ** 60n, text: 'K' })
    throw new Error('this cannot be foreseen')
  })
  .task('deaf', { help: 'Ends when it is aborted.' }, ({ signal }) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined))))
`
const PRELUDE = `
import sys, time, threading
sys.path.insert(0, '${ROOT}/python')
from ocs_mqtt import *
def fails(act, *words):
    try: act()
    except (OCSError, AttributeError) as error:
        assert all(word in str(error) for word in words), error
        print('error:', error)
    else: raise AssertionError('no error')
`

/** A hub, and the agents of a site with three of them. */
class Site {
  readonly lab: Lab
  constructor(lab: Lab) {
    this.lab = lab
    writeFileSync(lab.path('odd.ts'), ODD)
    const site = `
hub: { mqtt_server: 'mqtt://127.0.0.1:1883', wamp_realm: test_realm, address_root: observatory }
hosts:
  localhost:
    agent-instances:
      - { agent-class: FakeDataAgent, instance-id: fake }
      - { agent-class: OddAgent, instance-id: odd }
      - { agent-class: Lakeshore240Agent, instance-id: ls240, arguments: [[--port, ${lab.path('ttyLS240')}]] }
`
    writeFileSync(lab.path('site.yaml'), site)
  }
  async agent(instance: string, ...args: string[]): Promise<Running> {
    const site = ['--site-file', this.lab.path('site.yaml'), '--site-host', 'localhost']
    const running = this.lab.start(instance, ['agent', '--instance-id', instance, ...site, ...args])
    await running.says('session joined')
    return running
  }
  python(code: string): Running {
    return this.lab.program('python', [PYTHON, '-u', '-c', PRELUDE + code])
  }
  /** Runs Python to its end, which must be successful. */
  async run(code: string): Promise<Pick<Outcome, 'out'>> {
    const running = this.python(code)
    const { code: exit } = await running.ended(60)
    expect([exit, exit === 0 ? '' : running.text()]).toEqual([0, ''])
    return { out: running.text('out') }
  }
}

test('every verb, on tasks and processes, as with the client of OCS', async () => {
  await using lab = new Lab()
  const site = new Site(lab)
  await lab.hub()
  await lab.sim('240', 'LSA21OQ', '--pty', lab.path('ttyLS240'))
  await site.agent('fake')
  const ls240 = await site.agent('ls240')
  await ls240.says('Channel_1 ')
  const { out } = await site.run(`
fake = OCSClient('fake')
assert sys.argv == ['-c']
assert fake.acq.status() == (OK, 'No session active.', {}), fake.acq()
assert fake.acq.wait() == (OK, 'Idle.', {})
assert fake.acq.stop() == (ERROR, 'No session active.', {})
status, msg, session = fake.acq.start(test_mode=False)
assert (status, msg) == (OK, 'Started process "acq".') and session['status'] == 'starting'
assert fake.acq.start().status == ERROR
begun = time.monotonic()
assert fake.acq.wait(timeout=1).status == TIMEOUT and 0.9 < time.monotonic() - begun < 2
begun = time.monotonic()
assert fake.acq.wait(timeout=0).status == TIMEOUT and time.monotonic() - begun < 0.5
assert fake.acq().session['op_code'] == OpCode.RUNNING
assert fake.acq.stop().status == OK
reply = fake.acq.wait(timeout=5)
assert reply.status == OK and reply.session['success'] is True, reply
assert not hasattr(fake.acq, 'abort') and not hasattr(fake.delay_task, 'stop')

done = fake.delay_task(delay=0.2)
assert done.status == OK and done.session['success'] and done.session['op_code'] == OpCode.SUCCEEDED
assert fake.delay_task(delay=0, succeed=False).session['success'] is False
for params, words in [({'delay': -1}, ('delay', '-1')), ({'delay': 'x'}, ('delay', 'x')), ({'dely': 1}, ('delay',))]:
    reply = fake.delay_task(**params)
    assert reply.status == ERROR and reply.session == {} and all(word in reply.msg for word in words), reply
fake.delay_task.start(delay=60)
assert fake.delay_task.abort().status == OK
reply = fake.delay_task.wait(timeout=5)
assert reply.session['success'] is False and 'Aborted' in repr(reply), reply
fails(lambda: fake.delay_task(delay=float('nan')), 'cannot be sent')
fails(lambda: fake.acqq, 'acqq', 'delay_task')
assert 'seconds' in fake.delay_task.__doc__ and repr(fake.acq) == '<process fake.acq>'

with OCSClient('ls240', hub='ws://127.0.0.1:8001/ws') as ls240:
    reply = ls240.set_values(channel=1, name='4 K plate')
    assert reply.session['success'], reply
    assert ls240.get_values(channel=1).session['data']['name'] == '4 K plate'
    assert ls240.set_values(channel=9).status == ERROR
    assert ls240.acq().session['data']['fields']['Channel_1']['T'] > 0
    ls240.acq.stop(); ls240.acq.wait(timeout=10); ls240.acq.start()
    print(ls240.acq())

threads = [threading.Thread(target=lambda: [fake.set_heartbeat.status() for _ in range(50)]) for _ in range(4)]
begun = time.monotonic()
for thread in threads: thread.start()
for thread in threads: thread.join()
print(f'FIGURE {200 / (time.monotonic() - begun):.0f} requests a second from 4 threads')
`)
  expect(out).toContain('OCSReply: OK: Session active.\n  acq[session=')
  figure(/FIGURE (.*)/.exec(out)?.[1] ?? '')
  const demo = lab.program('demo', [PYTHON, join(ROOT, 'examples', 'python', 'demo.py')], {
    env: { PYTHONPATH: join(ROOT, 'python') },
  })
  expect([(await demo.ended(40)).code, demo.text('err')]).toEqual([0, ''])
  expect(demo.text('out').match(/'T': [\d.]+/g)?.length).toBe(10)
})

test('NaN, infinities, large integers and a throw arrive as they are', async () => {
  await using lab = new Lab()
  const site = new Site(lab)
  await lab.hub()
  await site.agent('odd', '--module', lab.path('odd.ts'))
  await site.run(`
import math
odd = OCSClient('odd')
reply = odd.odd_data()
data = reply.session['data']
assert math.isnan(data['nan']) and data['list'] == [math.inf, -math.inf, 1.5] and data['text'] == 'K', data
assert int(data['big']) == 2**60
assert reply.session['success'] is False and 'this cannot be foreseen' in repr(reply)
odd.deaf.start()
odd.deaf.abort()
assert odd.deaf.wait(timeout=5).session['success'] is False
`)
})

test('what is not there is told within the time given', async () => {
  await using lab = new Lab()
  const site = new Site(lab)
  const begun = performance.now()
  await site.run(`fails(lambda: OCSClient('fake'), 'no hub', 'ocs hub')
fails(lambda: OCSClient('fake', hub='http://x'), 'address')`)
  expect(since(begun)).toBeLessThan(SLOW * 3)
  await lab.hub()
  for (const text of ['[1]', '{"state":1}', 'rubbish']) {
    const { username, password } = lab.owner
    const where = [
      '-p',
      '1883',
      '-u',
      username,
      '-P',
      password,
      '-i',
      'rogue',
      '-t',
      'observatory/rogue/presence',
      '-r',
    ]
    await lab.program('rogue', ['mosquitto_pub', ...where, '-m', text]).ended()
  }
  const fake = await site.agent('fake')
  await site.run(`
fails(lambda: OCSClient('fkae', timeout=1), "'fkae'", 'fake online')
fake = OCSClient('fake', timeout=2)
`)
  await fake.stop()
  await site.run(`fails(lambda: OCSClient('fake', timeout=1), 'fake offline')`)
  const frozen = await site.agent('fake')
  const python = site.python(`
fake = OCSClient('fake', timeout=1)
print('ready', flush=True); sys.stdin.readline()
begun = time.monotonic()
fails(lambda: fake.acq.status(), 'did not answer')
assert time.monotonic() - begun < 2
`)
  await python.says('ready')
  frozen.signal('SIGSTOP')
  python.write('\n')
  expect([(await python.ended(20)).code, python.text('err')]).toEqual([0, ''])
})

test('a wait outlives a restart of the hub; a request sent meanwhile acts once', async () => {
  await using lab = new Lab()
  const site = new Site(lab)
  const hub = await lab.hub()
  const fake = await site.agent('fake')
  const python = site.python(`
fake = OCSClient('fake', timeout=20)
fake.delay_task.start(delay=6)
print('waiting', flush=True)
reply = fake.delay_task.wait()
assert reply.session['success'], reply
print('waited', flush=True); sys.stdin.readline()
reply = fake.delay_task.start(delay=0)
assert reply.status == OK, reply
print('session', reply.session['session_id'], fake.delay_task.wait().session['session_id'])
`)
  await python.says('waiting')
  await hub.kill()
  await seconds(1)
  const again = await lab.hub()
  await python.says('waited', 20)
  // The script is back before the agent: the requests it sends then reach nobody.
  fake.signal('SIGSTOP')
  await again.kill()
  python.write('\n')
  await seconds(1)
  await lab.hub()
  await seconds(4)
  fake.signal('SIGCONT')
  expect([(await python.ended(40)).code, python.text('err')]).toEqual([0, ''])
  expect(python.text()).toMatch(/session (\d+) \1/)
  expect(fake.end).toBeUndefined()
})

test('an agent that is killed, or killed and started again, ends a wait with an error', async () => {
  await using lab = new Lab()
  const site = new Site(lab)
  await lab.hub()
  for (const back of [false, true]) {
    const fake = await site.agent('fake')
    const python = site.python(`
fake = OCSClient('fake', timeout=3)
print('waiting', flush=True)
fails(lambda: fake.delay_task(delay=60), ${back ? "'restarted'" : "'lost'"})
`)
    await python.says('waiting')
    await seconds(1)
    const killed = performance.now()
    await fake.kill()
    const next = back ? await site.agent('fake') : undefined
    expect([(await python.ended(20)).code, python.text('err')]).toEqual([0, ''])
    figure(`${back ? 'restarted' : 'killed'}: told after ${since(killed).toFixed(1)} s`)
    await next?.stop()
  }
})
