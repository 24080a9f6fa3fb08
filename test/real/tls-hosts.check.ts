/**
 * A hub over TLS as seen by other hosts of the lab; each reason for not getting in has its own message. Hosts
 * are network namespaces, so it runs as root, in `.ci/alone`.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { makeAuthority, makeServer } from '../../src/principals/certificate.ts'
import { namesIn } from '../../src/principals/hub-keys.ts'
import { newToken } from '../../src/principals/token.ts'
import { HERE, type Host, Network } from './hosts.ts'
import { figure, Lab, OCS, type Running, since } from './roles.ts'

setDefaultTimeout(400_000)

const MQTTS = `mqtts://${HERE}:8883`
const WSS = `wss://${HERE}:8080/ws`
/** An address of the hub's machine that is not in its certificate. */
const OTHER = '10.99.0.99'
const DAY = 86_400_000

let lab: Lab
let hub: Running
let host: Host
let count = 0
/** The path of one of the hub's own files. */
const file = (name: string) => lab.path('state', 'hub', name)

beforeAll(async () => {
  lab = new Lab()
  host = await (await Network.open(lab)).host('dopey')
  const site = `hub: {mqtt_server: '${MQTTS}'}
hosts:
  dopey:
    agent-instances:
      - {agent-class: FakeDataAgent, instance-id: fake}
      - {agent-class: FakeDataAgent, instance-id: other}
`
  writeFileSync(lab.path('site.yaml'), site)
  const init = await lab.run(['hub', 'init', '--site-file', lab.path('site.yaml')])
  expect([init.err, init.code]).toEqual([expect.stringContaining('Copy INSTANCE.json'), 0])
  expect(namesIn(readFileSync(file('server.pem'), 'utf8'))).toContain(HERE)
  spawnSync('ip', ['address', 'add', `${OTHER}/24`, 'dev', 'eth1'])
  hub = await lab.hub('--site-file', lab.path('site.yaml'), '--listen', '0.0.0.0', '--listen-ws', '0.0.0.0')
})
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]()
})

type Known = { hub: string; ca: string; principal: string; token: string }
const known = () => JSON.parse(readFileSync(file('credentials/fake.json'), 'utf8')) as Known
/** A credentials file on the other host, with some values changed. */
function given(changed: Partial<Known> = {}): Record<string, string> {
  const path = lab.path(`given-${++count}.json`)
  writeFileSync(path, JSON.stringify({ ...known(), ...changed }), { mode: 0o600 })
  return { OCS_CREDENTIALS: path, OCS_STATE_DIR: lab.path('elsewhere') }
}
/** The result of `ocs ctrl ls` there. */
async function looks(url: string, env: Record<string, string>) {
  const running = host.start(`look-${++count}`, ['ctrl', 'ls', '--site-hub', url], { env })
  const { code } = await running.ended(40)
  return { code, err: running.text('err') }
}
const said = (words: string) => ({ code: 3, err: expect.stringContaining(words) })

test('whoever has the right file gets in, over both', async () => {
  for (const url of [MQTTS, WSS]) expect(await looks(url, given())).toMatchObject({ code: 0 })
})

test('a wrong authority, none, a name it has not, plain text and an old TLS are told apart', async () => {
  for (const url of [MQTTS, WSS]) {
    expect(await looks(url, given({ ca: makeAuthority().cert }))).toEqual(
      said("not from the CA in this client's credentials"),
    )
    expect(await looks(url, { OCS_STATE_DIR: lab.path('elsewhere') })).toEqual(said('it has no credentials'))
    expect(await looks(url.replace(HERE, OTHER), given())).toEqual(said(`is not for ${OTHER}`))
  }
  expect(await looks(MQTTS.replace('mqtts', 'mqtt'), given())).toEqual(said('write mqtts://'))
  await hub.says('it does not speak TLS, and this port does')
  // Plain text is only for the hub's own machine.
  expect(await looks(`mqtt://${HERE}:1883`, given())).toEqual(said('refused'))
  const old = ['openssl', 's_client', '-connect', `${HERE}:8883`, '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0']
  const shake = host.program('old', old)
  shake.endInput()
  expect((await shake.ended(20)).code).not.toBe(0)
  await hub.says('its newest TLS is 1.1')
})

test('a stolen, an old, a made-up and a revoked token are refused, and who is in by it is cut', async () => {
  const stolen = given()
  const first = known().token
  const script = `
    const { connectAsync } = await import(${JSON.stringify(import.meta.resolve('mqtt'))})
    const { principal, token, ca } = ${JSON.stringify(known())}
    const client = await connectAsync('${MQTTS}', { clientId: principal, username: principal, password: token, ca, protocolVersion: 4, reconnectPeriod: 0 })
    console.log('in')
    client.on('close', () => console.log('cut'))`
  const thief = host.program('thief', [OCS[0] ?? '', '-e', script], { env: stolen })
  await thief.says('in', 30)
  const made = async () => JSON.parse((await lab.run(['hub', 'token', 'fake'])).out) as Known
  const second = await made()
  const third = await made()
  expect(await looks(MQTTS, given({ token: first }))).toEqual(
    said('it does not know the token of this client'),
  )
  expect(await looks(MQTTS, given({ token: second.token }))).toMatchObject({ code: 0 })
  expect((await lab.run(['hub', 'revoke', 'fake', '--old'])).code).toBe(0)
  expect(await looks(MQTTS, given({ token: second.token }))).toEqual(
    said('it does not know the token of this client'),
  )
  expect(await looks(MQTTS, given({ token: third.token }))).toMatchObject({ code: 0 })
  expect(await looks(MQTTS, given({ token: newToken('fake') }))).toEqual(
    said('it does not know the token of this client'),
  )
  expect(await looks(MQTTS, given({ token: newToken('stranger') }))).toEqual(
    said('it does not know the token of this client'),
  )
  await hub.says(/cut off; it was fake, an agent: .*invalid/)
  await thief.says('cut')
  writeFileSync(file('credentials/fake.json'), JSON.stringify(third), { mode: 0o600 })
})

test('a client that keeps no clock of MQTT’s is missed when its host is gone: TCP asks', async () => {
  const script = `
    const { connectAsync } = await import(${JSON.stringify(import.meta.resolve('mqtt'))})
    const { principal, token, ca } = ${JSON.stringify(known())}
    const will = { topic: 'observatory/fake/events', payload: Buffer.from('gone'), qos: 1 }
    await connectAsync('${MQTTS}', { clientId: principal, username: principal, password: token, ca, will, protocolVersion: 4, keepalive: 0 })
    console.log('in')`
  const quiet = host.program('quiet', [OCS[0] ?? '', '-e', script])
  await quiet.says('in', 30)
  const reader = lab.program('reader', [
    'mosquitto_sub',
    '-t',
    'observatory/hub',
    '-t',
    'observatory/fake/events',
  ])
  await reader.says('"listeners"', 20)
  host.pull()
  const begun = performance.now()
  await reader.says('gone', 300)
  figure(`a host without its cable is missed after ${since(begun).toFixed(0)} s`)
  host.plug()
  await quiet.kill()
  await reader.kill()
})

test('the token of one instance lets no other in', async () => {
  const args = [
    'agent',
    '--instance-id',
    'other',
    '--site-file',
    lab.path('site.yaml'),
    '--site-host',
    'dopey',
  ]
  const posing = host.start('posing', args, { env: given() })
  expect((await posing.ended(40)).code).toBe(1)
  expect(posing.text('err')).toContain('shows it credentials of fake')
})

test('a certificate that has ended, and one that has not begun, are told as such; the next one is taken, and nothing is lost', async () => {
  const authority = { cert: readFileSync(file('ca.pem'), 'utf8'), key: readFileSync(file('ca.key'), 'utf8') }
  const right = {
    cert: readFileSync(file('server.pem'), 'utf8'),
    key: readFileSync(file('server.key'), 'utf8'),
  }
  const show = async ({ cert, key }: typeof right) => {
    const mark = hub.mark
    writeFileSync(file('server.key'), key)
    writeFileSync(file('server.pem'), cert)
    await hub.says('the new certificate is in use', 30, mark)
  }
  // Existing connections stay, whatever certificate new ones are shown.
  const script = `
    const { connectAsync } = await import(${JSON.stringify(import.meta.resolve('mqtt'))})
    const { principal, token, ca } = ${JSON.stringify(known())}
    const client = await connectAsync('${MQTTS}', { clientId: principal, username: principal, password: token, ca, protocolVersion: 4, reconnectPeriod: 0 })
    client.on('close', () => console.log('lost'))
    console.log('in')
    let n = 0
    for (;;) {
      await client.publishAsync('observatory/fake/messages/count', JSON.stringify({ time: 1, message: ++n }), { qos: 1 })
      if (n % 500 === 0) console.log('sent', n)
      await Bun.sleep(2)
    }`
  const reader = lab.start('reader', ['ctrl', 'listen', 'fake/#', '--json'])
  const writer = host.program('writer', [OCS[0] ?? '', '-e', script])
  await Promise.all([writer.says('sent 500', 60), reader.says('"message":', 60)])
  await show(makeServer(authority, [HERE], new Date(Date.now() - 900 * DAY)))
  expect(await looks(MQTTS, given())).toEqual(said('its certificate has expired'))
  await show(makeServer(authority, [HERE], new Date(Date.now() + 9 * DAY)))
  expect(await looks(MQTTS, given())).toEqual(said('is not valid yet'))
  await show(right)
  expect(await looks(MQTTS, given())).toMatchObject({ code: 0 })
  await writer.says(/sent \d+/, 30, writer.mark)
  await writer.kill()
  const last = Number([...writer.text().matchAll(/sent (\d+)/g)].at(-1)?.[1])
  await reader.says(new RegExp(`"message":${last}\\b`), 30)
  const numbers = [...reader.text('out').matchAll(/"message":(\d+)/g)].map(([, n]) => Number(n))
  const from = numbers[0] ?? 0
  const lost = Array.from({ length: last - from + 1 }, (_, n) => from + n).filter((n) => !numbers.includes(n))
  figure(`${last - from + 1} messages while three certificates are shown: ${lost.length} lost`)
  expect(lost).toEqual([])
  expect(from).toBeLessThan(last)
  expect(writer.text()).not.toContain('lost')
})
