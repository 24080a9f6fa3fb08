/**
 * A bridge that other machines read, as curl sees it from another address; and another broker with users and
 * TLS.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { Lab, until } from './roles.ts'

setDefaultTimeout(400_000)

/** An address of this machine that is not loopback: connections from it count as coming from elsewhere. */
const HOST = '10.77.0.1'
spawnSync('ip', ['addr', 'add', `${HOST}/24`, 'dev', 'lo'])
const PASSWORD = 'correct horse battery'
const SITE = `hub: {mqtt_server: "mqtts://${HOST}:8883"}
hosts:
  here:
    agent-instances:
      - {instance-id: fake, agent-class: FakeDataAgent}
`

async function said(lab: Lab, ...command: string[]): Promise<string> {
  const running = lab.program(command[0] ?? '', command)
  running.endInput()
  await running.ended(30)
  return running.text()
}

test('curl reads with what ocs login leaves, acts as the person, and follows another certificate', async () => {
  await using lab = new Lab()
  writeFileSync(lab.path('site.yaml'), SITE)
  writeFileSync(lab.path('password'), PASSWORD, { mode: 0o600 })
  const site = ['--site-file', lab.path('site.yaml'), '--site-host', 'here']
  const refused = await lab.run(['bridge', '--listen', '0.0.0.0:5000', ...site])
  expect([refused.code, refused.err]).toEqual([
    2,
    expect.stringMatching(/ocs hub init.*--cert FILE.*--insecure/s),
  ])
  expect((await lab.run(['hub', 'init', ...site])).code).toBe(0)
  const people = ['hub', 'passwd', 'maya', '--role', 'operator:1', '--password-file', lab.path('password')]
  expect((await lab.run(people)).code).toBe(0)
  await lab.hub(...site, '--listen', '0.0.0.0')
  await lab.start('fake', ['agent', '--instance-id', 'fake', ...site]).says('session joined', 30)
  const bridge = lab.start('bridge', ['bridge', '--listen', '0.0.0.0:5000', ...site])
  await bridge.says('listening on https://0.0.0.0:5000', 30)

  const ca = lab.path('state', 'hub', 'ca.pem')
  const curl = (...args: string[]) =>
    said(lab, 'curl', '-s', '-w', ' %{http_code}\n', '--cacert', ca, ...args).then((text) => text.trim())
  const url = `https://${HOST}:5000`
  expect(await curl(`${url}/api/agents`)).toMatch(/sign in first.* 401$/)
  expect(await curl(`${url}/api/agents`, '-H', 'Host: evil.example')).toMatch(/ 403$/)
  expect(await curl('https://127.0.0.1:5000/api/agents')).toMatch(/"fake".* 200$/)
  expect(await curl(`${url}/api/agents`, '-u', `maya:${PASSWORD}`)).toMatch(/"fake".* 200$/)
  expect(await curl(`${url}/api/agents`, '-u', 'maya:wrong horse battery')).toMatch(/ 401$/)

  const token = JSON.parse(
    (await lab.run(['hub', 'token', 'grafana', '--role', 'observer', ...site])).out,
  ).token
  const bearer = ['-H', `Authorization: Bearer ${token}`]
  expect(await curl(`${url}/graphite/metrics/find?query=*`, ...bearer)).toMatch(/^\[.*\] 200$/)
  const body = [
    '-H',
    'Content-Type: application/json',
    '-d',
    '{"instance":"fake","op":"delay_task","action":"start"}',
  ]
  expect(await curl(`${url}/page/op`, ...body, ...bearer)).toMatch(/grafana, an observer.* 409$/)

  const open = lab.start('open', ['bridge', '--listen', '0.0.0.0:5001', '--insecure', ...site])
  await open.says('listening on http://0.0.0.0:5001', 30)
  const plain = `http://${HOST}:5001`
  const enter = [
    '-H',
    'Content-Type: application/json',
    '-d',
    JSON.stringify({ name: 'maya', password: PASSWORD }),
  ]
  const origin = ['-H', `Origin: ${plain}`]
  expect(await curl(`${plain}/api/agents`)).toMatch(/ 200$/)
  expect(await curl(`${plain}/page/sign-in`, ...origin, ...enter)).toMatch(
    /no password over plain HTTP.* 403$/,
  )
  const here = 'http://127.0.0.1:5001'
  expect(await curl(`${here}/page/sign-in`, '-H', `Origin: ${here}`, ...enter)).toMatch(/ 200$/)

  const netrc = lab.path('netrc')
  const fingerprint = /SHA-256 (\S+)/.exec((await lab.run(['hub', 'renew'])).out)?.[1] ?? ''
  await bridge.says('the new certificate is in use', 30)
  const account = { OCS_STATE_DIR: lab.path('maya'), XDG_CONFIG_HOME: lab.path('maya'), NETRC: netrc }
  const login = lab.start('login', ['login', 'maya', '--fingerprint', fingerprint, ...site], { env: account })
  login.write(`${PASSWORD}\n`)
  expect((await login.ended(30)).code).toBe(0)
  expect(statSync(netrc).mode & 0o777).toBe(0o600)
  expect(readFileSync(netrc, 'utf8')).toMatch(new RegExp(`^machine ${HOST} login maya password ocs1_maya_`))
  const left = ['--netrc-file', netrc, '--cacert', lab.path('maya', 'ocs', 'test_realm.ca.pem')]
  expect(await curl(`${url}/page/op`, ...left, ...body)).toMatch(/ 200$/)
  const history = async () => (await lab.run(['ctrl', 'history', 'fake', 'delay_task', ...site])).out
  await until('the history names her', 20, async () => /maya@/.test(await history()))

  expect((await lab.run(['hub', 'revoke', 'maya'])).code).toBe(0)
  await until('she is out', 20, async () =>
    (await curl(`${url}/api/agents`, '--netrc-file', netrc)).endsWith(' 401'),
  )
  for (const role of [bridge]) expect(role.text()).not.toMatch(/horse|ocs1_/)
})

test('a Mosquitto with users and TLS is reached by keys of the site file, and no password is shown anywhere', async () => {
  await using lab = new Lab()
  const secret = 's3cret-of-mosquitto'
  expect((await lab.run(['hub', 'init', '--name', HOST])).code).toBe(0)
  const pem = (name: string) => lab.path('state', 'hub', name)
  writeFileSync(lab.path('passwords'), `ocs:${secret}\n`, { mode: 0o600 })
  spawnSync('mosquitto_passwd', ['-U', lab.path('passwords')])
  expect(readFileSync(lab.path('passwords'), 'utf8')).not.toContain(secret)
  writeFileSync(
    lab.path('mosquitto.conf'),
    `listener 8883 0.0.0.0
cafile ${pem('ca.pem')}
certfile ${pem('server.pem')}
keyfile ${pem('server.key')}
allow_anonymous false
password_file ${lab.path('passwords')}
user root
`,
  )
  const mosquitto = lab.program('mosquitto', ['mosquitto', '-c', lab.path('mosquitto.conf')])
  await mosquitto.says('running', 20)
  writeFileSync(lab.path('password'), `${secret}\n`, { mode: 0o600 })
  writeFileSync(
    lab.path('site.yaml'),
    SITE.replace(
      '{mqtt_server',
      '{mqtt_user: ocs, mqtt_password_file: password, mqtt_ca: state/hub/ca.pem, mqtt_server',
    ),
  )
  const site = ['--site-file', lab.path('site.yaml'), '--site-host', 'here']
  const agent = lab.start('fake', ['agent', '--instance-id', 'fake', ...site])
  await agent.says('session joined', 30)
  const status = await lab.run(['ctrl', 'status', ...site])
  expect([status.code, status.out]).toEqual([0, expect.stringContaining('fake')])
  const started = await lab.run(['ctrl', 'start', 'fake', 'delay_task', ...site])
  expect(started.code).toBe(0)
  expect(spawnSync('ps', ['-ef']).stdout.toString()).not.toContain(secret)

  const wrong = await lab.run(['ctrl', 'ls', '--site-hub', `mqtts://ocs:${secret}@${HOST}:8883`, ...site])
  expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('mqtts://ocs:***@')])
  writeFileSync(lab.path('password'), 'another\n')
  const away = await lab.run(['ctrl', 'ls', ...site])
  expect([away.code, away.err]).toEqual([3, expect.stringContaining('does not accept this client')])
  chmodSync(lab.path('password'), 0o644)
  const loose = await lab.run(['ctrl', 'ls', ...site])
  expect([loose.code, loose.err]).toEqual([2, expect.stringContaining('chmod 600')])
  const all = [agent.text(), ...[status, started, wrong, away, loose].flatMap(({ out, err }) => [out, err])]
  for (const text of all) expect(text).not.toContain(secret)
})
