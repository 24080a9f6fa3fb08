import { expect, test } from 'bun:test'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { unpack } from '../keeping/tar.ts'
import { newToken } from '../principals/token.ts'
import { commandLab, commandLine } from './ctrl/ctrl.test-aid.ts'

/** Secrets by where they stand; nothing else in the lab is called like one of them. */
const token = newToken('maya')
const planted = {
  inUrl: 'swordfish1',
  asUser: 'swordfish2',
  behindFlag: 'swordfish3',
  onTheNextLine: 'swordfish4',
  withFlag: 'swordfish5',
  underKey: 'swordfish6',
  inFile: 'swordfish7',
  inComment: 'swordfish8',
  inEnvironment: 'swordfish9',
  community: 'swordfish10',
  inQuery: 'swordfish11',
  inLogAlone: 'swordfish12',
  asBearer: 'swordfish13',
  encoded: 'sword%20fish14',
  token,
}
const SITE = (url: string, folder: string) => `# the old password was ${planted.inComment}
hub:
  mqtt_server: ${url}
  mqtt_user: somebody
  wamp_server: ws://127.0.0.1:1/ws
  mqtt_password_file: ${folder}/password
alarms:
  email: {smtp: 'smtps://mail:${planted.encoded}@127.0.0.1:1', password: ${planted.inLogAlone}}
hosts:
  localhost:
    log-dir: ${folder}/logs
    agent-instances:
      - {agent-class: FakeDataAgent, instance-id: fake, arguments: [['--password', ${planted.behindFlag}], '--token=${planted.withFlag}']}
      - {agent-class: UPSAgent, instance-id: ups, arguments: [--address, 'snmp://127.0.0.1:1?community=${planted.community}']}
      - agent-class: InfluxDBAgent
        instance-id: influx
        arguments:
          - '--influx-token'
          - ${planted.onTheNextLine}
          - '--host'
          - http://${planted.asUser}@127.0.0.1:1/write?u=a&p=${planted.inQuery}
          - http://maya:${planted.inUrl}@127.0.0.1:1/
          - api_key: {inner: ${planted.underKey}}
`

function textsIn(folder: string): string {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .flatMap((path) => (statSync(path).isFile() ? [readFileSync(path, 'utf8')] : []))
    .join('\n')
}

test('a report has what is asked for, and none of the secrets that lie about', async () => {
  await using lab = await commandLab()
  await lab.start('fake')
  const state = join(lab.folder, 'maya')
  const logs = join(lab.folder, 'logs')
  for (const folder of [logs, join(state, 'logs'), join(state, 'hub')]) mkdirSync(folder, { recursive: true })
  writeFileSync(join(lab.folder, 'password'), `${planted.inFile}\n`, { mode: 0o600 })
  const file = join(lab.folder, 'lab.yaml')
  writeFileSync(file, SITE(lab.url, lab.folder))
  // Each as a log might have it: bare, and in the words of others.
  const kept = Object.entries(planted).filter(([where]) => where !== 'asBearer' && where !== 'inComment')
  const words = kept.map(
    ([, secret]) => `connecting with ${secret}: "${secret}", ${decodeURIComponent(secret)}`,
  )
  const log = [...words, `authorization: Bearer ${planted.asBearer}`, 'a line to be kept']
  writeFileSync(join(logs, 'observatory.fake.log'), `${log.join('\n')}\n`)
  writeFileSync(join(state, 'logs', 'observatory.hub.log'), `${words.join('\n')}\n`)
  const entry = {
    time: 1,
    kind: 'refused',
    principal: 'maya',
    client: 'c',
    from: '10.0.0.7:1',
    why: `knows ${planted.inFile}`,
  }
  writeFileSync(join(state, 'hub', 'audit.jsonl'), `${JSON.stringify(entry)}\n`)

  const out = join(lab.folder, 'out')
  const env = { OCS_CREDENTIALS: planted.inEnvironment, INFLUXDB_V2_TOKEN: planted.inEnvironment }
  const flags = ['--site-hub', lab.url, '--site-file', file, '--site-host', 'localhost', '--no-instruments']
  const line = commandLine(['report', '--out', out, ...flags], { state, env })
  expect([await line.code, line.err()]).toEqual([0, expect.any(String)])

  const all = textsIn(out)
  for (const [where, secret] of Object.entries(planted))
    for (const form of new Set([secret, decodeURIComponent(secret), encodeURIComponent(secret)]))
      expect([where, all.includes(form)]).toEqual([where, false])
  expect(all).not.toContain('://maya')
  const part = (name: string) => JSON.parse(readFileSync(join(out, name), 'utf8'))
  expect(readFileSync(join(out, 'logs', 'observatory.fake.log'), 'utf8')).toContain('a line to be kept\n')
  expect(readFileSync(join(out, 'site.yaml'), 'utf8')).toContain('instance-id: ups')
  expect(part('hub.json')).toMatchObject({
    hub: { limits: { connections: expect.any(Number) } },
    agents: [{ instance: 'fake', state: 'online', presence: { pid: process.pid } }],
  })
  expect(part('check.json')).toContainEqual(expect.objectContaining({ check: 'hub', level: 'ok' }))
  expect(part('machine.json')).toMatchObject({ version: expect.any(String), bun: Bun.version })
  expect(part('ps.json')).toMatchObject({ problem: expect.stringContaining('ocs up does not run') })
  expect(part('disk.json')).toContainEqual(
    expect.objectContaining({ folder: state, bytes: expect.any(Number) }),
  )
  expect(part('audit.json')).toMatchObject([{ kind: 'refused', from: '10.0.0.7:1' }])
  expect(readdirSync(out).filter((name) => (statSync(join(out, name)).mode & 0o077) !== 0)).toEqual([])
})

test('a report is an archive of this account alone, made also where nothing runs and the site file is broken', async () => {
  await using lab = await commandLab()
  const file = join(lab.folder, 'lab.yaml')
  writeFileSync(file, `hub: {password: ${planted.underKey}\n`)
  const out = join(lab.folder, 'report.tar.gz')
  const flags = ['--site-hub', 'mqtt://127.0.0.1:1', '--site-file', file]
  const line = commandLine(['report', '--out', out, ...flags])
  expect([await line.code, line.err()]).toEqual([0, expect.any(String)])
  expect(statSync(out).mode & 0o777).toBe(0o600)
  mkdirSync(join(lab.folder, 'out'))
  await unpack(out, join(lab.folder, 'out'))
  const all = textsIn(join(lab.folder, 'out'))
  expect(all).toContain(`${file}:1:`)
  expect(all).not.toContain(planted.underKey)
  const again = commandLine(['report', '--out', out, ...flags])
  expect([await again.code, again.err()]).toEqual([2, expect.stringContaining('already exists')])
})
