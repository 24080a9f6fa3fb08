/**
 * OCS's own client (ocs 0.12.1) on the hub, through `wamp_http` of a site file as labs have it, with nothing
 * installed.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, writeFileSync } from 'node:fs'
import { principalsPath, setPassword } from '../../src/principals/principals-file.ts'
import { figure, Lab } from './roles.ts'

setDefaultTimeout(400_000)

const PYTHON = process.env['OCS_SOCS_PYTHON'] ?? ''
if (!PYTHON) throw new Error('OCS_SOCS_PYTHON has to name the Python that has ocs')
const PASSWORD = 'four kelvin plate'
const SITE = `hub:
  wamp_server: ws://localhost:8001/ws
  wamp_http: http://localhost:8001/call
  wamp_realm: test_realm
  address_root: observatory
hosts:
  localhost:
    agent-instances:
      - {agent-class: FakeDataAgent, instance-id: fake, arguments: [[--mode, idle]]}
      - {agent-class: FakeDataAgent, instance-id: pyfake, runtime: python, arguments: [[--mode, idle]]}
      - {agent-class: RegistryAgent, instance-id: registry}
      - {agent-class: BegunAgent, instance-id: begun, module: begun.py}
`
/** Starts its own process, without parameters, as OCS's HostManager does. */
const BEGUN = `
from ocs import ocs_agent, site_config
from twisted.internet import defer
def main(args=None):
    agent, runner = ocs_agent.init_site_agent(site_config.parse_args(agent_class='BegunAgent', args=args))
    over = defer.Deferred()
    def go(session, params):
        session.data = {'begun': True}
        return over
    def stop(session, params):
        over.callback((True, 'over'))
        return True, 'asked to'
    agent.register_process('go', go, stop, blocking=False, startup={})
    runner.run(agent, auto_reconnect=True)
`
const PRELUDE = `
import time, ocs
from ocs.ocs_client import OCSClient
from ocs.client_http import ControlClientError
from ocs.base import OpCode
def fails(act, *words):
    try: act()
    except ControlClientError as error: assert all(word in str(error) for word in words), error
    else: raise AssertionError('no error')
`
const OPERATES = `
for name in ('fake', 'pyfake'):
    fake = OCSClient(name)
    assert fake.acq.status().session == {} or fake.acq.status().session['status'] == 'done', fake.acq.status()
    reply = fake.acq.start(test_mode=False)
    assert reply.status == ocs.OK and reply.session['status'] == 'starting', reply
    assert fake.acq.start().status == ocs.ERROR
    begun = time.monotonic()
    assert fake.acq.wait(timeout=1).status == ocs.TIMEOUT and 0.9 < time.monotonic() - begun < 3
    assert fake.acq.status().session['op_code'] == OpCode.RUNNING.value
    # Longer than a connection may be idle.
    assert fake.delay_task(delay=7).session['op_code'] == OpCode.SUCCEEDED.value
    reply = fake.acq.stop()
    assert reply.status == ocs.OK, reply
    reply = fake.acq.wait(timeout=20)
    assert reply.status == ocs.OK and reply.session['success'] is True, reply
    assert 'channel_00' in str(reply.session['data']), reply
    reply = fake.delay_task(delay=0.1, succeed=False)
    assert reply.status == ocs.OK and reply.session['op_code'] == OpCode.FAILED.value, reply
    for params in ({'delay': 'soon'}, {'dely': 1}):
        reply = fake.delay_task.start(**params)
        assert reply.status == ocs.ERROR and list(params)[0] in reply.msg, reply
    fake.delay_task.start(delay=60)
    assert fake.delay_task.abort().status == ocs.OK, fake.delay_task.abort()
    print(fake.delay_task.wait(timeout=20))
begun = time.monotonic()
for _ in range(200): fake.acq.status()
print(f'FIGURE {200 / (time.monotonic() - begun):.0f} requests a second, a connection each')
`
const UNKNOWN = `
fails(lambda: OCSClient('fkae'), 'wamp.error.no_such_procedure', 'no callee registered for procedure <observatory.fkae>')
fake = OCSClient('fake')
assert fake._client.request('start', 'nope')[0] == ocs.ERROR
assert fake._client.request('jump', 'acq')[0] == ocs.ERROR
assert {name for name, _, _ in fake._api['tasks']} == {'delay_task', 'set_heartbeat'}
registry = OCSClient('registry')
data = registry.main.status().session['data']
assert data['observatory.fake']['agent_class'] == 'FakeDataAgent' and not data['observatory.fake']['expired'], data
`
const LOOKS = `
assert OCSClient('begun').go.status().session['op_code'] == OpCode.RUNNING.value
fake = OCSClient('fake')
assert fake.acq.status().status == ocs.OK
reply = fake.acq.start()
assert reply.status == ocs.ERROR and 'Not done' in reply.msg and 'ocs hub passwd' in reply.msg, reply
assert fake.acq.status().session.get('status', 'done') == 'done'
`

test('scripts on OCSClient operate as whom ~/.netrc names, and without only look', async () => {
  await using lab = new Lab({ OCS_PYTHON: PYTHON })
  writeFileSync(lab.path('default.yaml'), SITE)
  writeFileSync(lab.path('begun.py'), BEGUN)
  const site = ['--site-file', lab.path('default.yaml'), '--site-host', 'localhost']
  await setPassword(principalsPath(lab.path('state')), 'maya', 'operator:1', PASSWORD)
  await lab.hub(...site)
  for (const instance of ['fake', 'pyfake', 'registry', 'begun']) {
    const agent = lab.start(instance, ['agent', '--instance-id', instance, ...site])
    await agent.says('session joined', 60)
  }
  const python = async (code: string) => {
    const env = { OCS_CONFIG_DIR: lab.dir }
    const script = lab.program('script', [PYTHON, '-u', '-c', PRELUDE + code], { env })
    expect([(await script.ended(120)).code, script.text('err')]).toEqual([0, ''])
    return script.text('out')
  }
  await python(LOOKS)
  const netrc = lab.path('home', '.netrc')
  writeFileSync(netrc, `machine localhost login maya password "${PASSWORD}"\n`)
  chmodSync(netrc, 0o600)
  figure(/FIGURE (.*)/.exec(await python(OPERATES))?.[1] ?? '')
  await python(UNKNOWN)
  writeFileSync(netrc, 'machine localhost login maya password wrong-one\n')
  await python(`fails(lambda: OCSClient('fake'), 'Server replied with code 401')`)
  const info = await fetch('http://localhost:8001/info')
  expect([info.status, await info.json()]).toMatchObject([200, { realm: 'test_realm' }])
  // The path of crossbar, for clients configured with it, on this machine under another name.
  expect((await fetch('http://127.0.0.1:8001/call', { method: 'POST', body: '{}' })).status).toBe(400)
})
