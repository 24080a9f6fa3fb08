import { expect, test } from 'bun:test'
import { flattenArguments } from '../core/arguments/agent-arguments.ts'
import { hubUrl, keysFor } from './hub-url.ts'
import { inspectSite, parseSite } from './site.ts'

const good = `hub:
  wamp_server: ws://localhost:8001/ws
hosts:
  grumpy:
    agent-instances:
      - instance-id: ls240
        agent-class: Lakeshore240Agent
`

function problems(text: string): readonly string[] {
  return inspectSite(text, 'lab.yaml').problems
}

test("the seed's own site file", async () => {
  const site = parseSite(await Bun.file('fixtures/sites/yale.yaml').text(), 'yale.yaml')
  expect(site.hub).toEqual({
    wamp_server: 'ws://localhost:8001/ws',
    wamp_realm: 'test_realm',
    address_root: 'observatory',
  })
  expect(site.notes).toEqual([])
  const instances = site.hosts.get('grumpy')?.instances ?? []
  expect(instances.map(({ instance_id, agent_class }) => [instance_id, agent_class])).toEqual([
    ['control', 'Lakeshore372Agent'],
    ['measurement', 'Lakeshore372Agent'],
    ['ls240', 'Lakeshore240Agent'],
    ['aggregator', 'AgreggatorAgent'],
  ])
  expect(instances[0]?.position).toBe('yale.yaml:16:7')
  expect(flattenArguments(instances[0]?.arguments ?? [])).toEqual([
    { flag: '--serial-number', values: ['LSA22YG'], position: 'yale.yaml:18:23' },
    { flag: '--ip-address', values: ['172.16.127.192'], position: 'yale.yaml:19:23' },
  ])
})

test('the demo lab is on loopback and keeps what it writes in .demo', async () => {
  const site = parseSite(await Bun.file('fixtures/sites/demo.yaml').text(), 'demo.yaml')
  expect(hubUrl(site)).toBe('mqtt://127.0.0.1:1883')
  const host = site.hosts.get('localhost')
  const all = host?.instances.flatMap((instance) => flattenArguments(instance.arguments)) ?? []
  const of = (flag: string) => all.filter((given) => given.flag === flag).flatMap(({ values }) => values)
  expect(of('--ip-address')).toEqual(['127.0.0.1:7771', '127.0.0.1:7772'])
  expect([...of('--port'), ...of('--data-dir'), host?.log_dir]).toEqual([
    '.demo/ttyLS240',
    '.demo/data',
    '.demo/data',
    '.demo/logs/agents',
  ])
  expect(of('--target')).toEqual(['ls240', 'control', 'measurement'])
  expect(site.notes).toEqual([])
})

test('a socs site file: keys without effect are noted once, values keep their spelling', async () => {
  const site = parseSite(await Bun.file('fixtures/sites/socs.yaml').text(), 'socs.yaml')
  const instances = [...site.hosts.values()].flatMap((host) => host.instances)
  expect(new Set(instances.map((instance) => instance.agent_class)).size).toBeGreaterThanOrEqual(10)
  expect(Object.fromEntries(instances.map(({ instance_id, manage }) => [instance_id, manage]))).toMatchObject(
    {
      'hm-cryo-1': 'ignore',
      registry: 'host/up',
      aggregator: 'host/up',
      influxagent: 'docker/up',
      bluefors: 'host/down',
      'pysmurf-monitor': 'docker/down',
      synacc: 'ignore',
      timing: 'host/up',
    },
  )
  expect(site.notes.map((note) => note.split(' has no effect here: ')[0])).toEqual([
    'registry_address',
    'access_policy',
    'crossbar',
    'crossbar_timeout',
    'agent-paths',
    'manage: docker',
    'crossbar-timeout',
    'manage: docker/up',
    'manage: docker/down',
  ])
  const words = (id: string) =>
    flattenArguments(instances.find(({ instance_id }) => instance_id === id)?.arguments ?? []).map(
      ({ flag, values }) => [flag, ...values],
    )
  expect(words('aggregator')[1]).toEqual(['--time-per-file', '3600'])
  expect(words('pt1')).toEqual([
    ['--ip-address', '10.10.10.40'],
    ['--port', '502'],
    ['--serial-number', 'CPA1114A'],
  ])
  expect(words('ls372-dr').slice(3, 5)).toEqual([['--enable-control-chan'], ['--sample-heater', 'False']])
})

const faulty: [string, string, string[]][] = [
  [
    'a misspelt key',
    good.replace('instance-id', 'instnce-id'),
    ['lab.yaml:6:9: unknown key "instnce-id" in agent-instances: did you mean "instance-id"?'],
  ],
  [
    'a key like no other',
    good.replace('hub:', 'hub:\n  colour: red'),
    [
      'lab.yaml:2:3: unknown key "colour" in hub: it takes mqtt_server, wamp_server, wamp_http, wamp_realm, address_root, credentials, device_topics, mqtt_user, mqtt_password_file, mqtt_ca',
    ],
  ],
  [
    'everything at once, in the order of the file',
    `hub:
  wamp_server: tcp://localhost
  adress_root: x
hosts:
  grumpy:
    log_dir: /var/log
    agent-instances:
      - agent-class: A
      - {instance-id: a b, manage: hots/up}
      - {instance-id: hub}
`,
    [
      'lab.yaml:2:16: wamp_server "tcp://localhost": does not begin with one of ws://, wss://: write it as ws://localhost:8001/ws',
      'lab.yaml:3:3: unknown key "adress_root" in hub: did you mean "address_root"?',
      'lab.yaml:6:5: unknown key "log_dir" in host "grumpy": did you mean "log-dir"?',
      'lab.yaml:8:9: no "instance-id" in agent-instances',
      'lab.yaml:9:23: instance-id "a b": letters, digits, _ and -, at most 63, a letter or digit first',
      'lab.yaml:9:36: manage "hots/up": did you mean "host/up"?',
      'lab.yaml:10:23: instance-id "hub" is reserved for the hub: choose another',
    ],
  ],
  [
    'one instance-id twice, on two hosts',
    `${good}  sleepy:\n    agent-instances:\n      - instance-id: ls240\n`,
    ['lab.yaml:10:22: instance-id "ls240" is taken: line 6 has it already'],
  ],
  ['an empty file', '', ['lab.yaml:1:1: the file takes keys with values, not nothing']],
  ['no hub', 'hosts: {}\n', ['lab.yaml:1:1: no "hub" in the file']],
  [
    'a hub without address',
    'hub: {}\nhosts: {}\n',
    ['lab.yaml:1:1: no "mqtt_server" in hub: for example mqtt_server: mqtt://127.0.0.1:1883'],
  ],
  [
    'mqtt under the name of the WebSocket',
    good.replace('ws://localhost:8001/ws', 'mqtt://localhost'),
    ['lab.yaml:2:16: wamp_server "mqtt://localhost": name this key mqtt_server'],
  ],
  [
    'a password in an address, which is shown nowhere',
    good.replace('ws://localhost:8001/ws', 'ws://ocs:s3cret@localhost:8001/ws'),
    [
      'lab.yaml:2:16: wamp_server "ws://ocs:***@localhost:8001/ws": addresses appear in logs, so put no user or password into them: use mqtt_user: NAME and mqtt_password_file: FILE',
    ],
  ],
  [
    'half of what a broker takes, and a key misspelt',
    good.replace('hub:\n', 'hub:\n  mqtt_user: ocs\n  mqtt_passwort_file: p\n'),
    [
      'lab.yaml:2:3: mqtt_user and mqtt_password_file belong together: give both',
      'lab.yaml:3:3: unknown key "mqtt_passwort_file" in hub: did you mean "mqtt_password_file"?',
    ],
  ],
  [
    'a host without instances',
    'hub: {mqtt_server: "mqtt://127.0.0.1:1883"}\nhosts:\n  grumpy: {}\n',
    ['lab.yaml:3:3: no "agent-instances" in host "grumpy"'],
  ],
  [
    'hosts as a list',
    'hub: {mqtt_server: "mqtt://127.0.0.1:1883"}\nhosts: [grumpy]\n',
    ['lab.yaml:2:1: hosts takes a name for each host, not a list'],
  ],
]
for (const [name, text, expected] of faulty) {
  test(`refused: ${name}`, () => expect(problems(text)).toEqual(expected))
}

test('the misspelt instance-id of the middle instance does not hide the others: the fault names only it', () => {
  const text = `${good}      - instnce-id: b\n      - instance-id: c\n`
  expect(problems(text)).toEqual([
    'lab.yaml:8:9: unknown key "instnce-id" in agent-instances: did you mean "instance-id"?',
  ])
})

test('a fault of one part is kept with it; what concerns the whole file refuses the file', () => {
  const text = `${good}      - {instance-id: b, manage: upp}\n  sleepy: {log_dir: x}\nalarms: {rule: []}\n`
  const { hosts, alarmFaults } = parseSite(text, 'lab.yaml')
  const [ls240, b] = hosts.get('grumpy')?.instances ?? []
  expect(ls240?.faults).toEqual([])
  expect(b?.faults).toEqual(['lab.yaml:8:34: manage "upp": did you mean "up"?'])
  expect(hosts.get('grumpy')?.faults).toEqual([])
  expect(hosts.get('sleepy')?.faults).toHaveLength(2)
  expect(alarmFaults).toEqual([expect.stringContaining('did you mean "rules"?')])
  expect(() => parseSite(text.replace('hub:', 'hub:\n  colour: red'), 'lab.yaml')).toThrow(
    /^lab.yaml:2:3: .*$/,
  )
})

test('what a broker of others takes is named in the site file, by paths that begin there', () => {
  const keys = 'mqtt_user: ocs, mqtt_password_file: secrets/mqtt, mqtt_ca: /etc/ca.pem'
  const { hub, hosts } = parseSite(
    `hub: {mqtt_server: "mqtts://broker:8883", ${keys}}\nhosts: {here: {agent-instances: [], mqtt_ca: own.pem}}\n`,
    '/lab/site.yaml',
  )
  expect(hub.broker).toEqual({ user: 'ocs', passwordFile: '/lab/secrets/mqtt', ca: '/etc/ca.pem' })
  expect(hosts.get('here')?.hub.broker).toEqual({ ca: '/lab/own.pem' })
})

test('mqtt_server may be a list: addresses, or each with keys of its own, which win over those of all', () => {
  const site = parseSite(
    `hub:
  mqtt_server:
    - mqtts://a:8883
    - {address: "wss://b/ws", mqtt_user: outside, mqtt_password_file: pw}
    - {address: "mqtts://c:8883", credentials: c.json}
  mqtt_user: lab
  mqtt_password_file: /all
hosts:
  here: {agent-instances: [], mqtt_ca: own.pem}
  there: {agent-instances: [], mqtt_server: ["mqtt://d:1883"]}
`,
    '/lab/site.yaml',
  )
  const [here, there] = [site.hosts.get('here'), site.hosts.get('there')]
  expect(hubUrl(site, here)).toBe('mqtts://a:8883,wss://b/ws,mqtts://c:8883')
  expect(hubUrl(site, there)).toBe('mqtt://d:1883')
  const lab = { user: 'lab', passwordFile: '/all', ca: undefined }
  const outside = { user: 'outside', passwordFile: '/lab/pw', ca: undefined }
  expect(keysFor('mqtts://a:8883', site, undefined)).toEqual({ broker: lab })
  expect(keysFor('wss://b/ws', site, undefined)).toEqual({ broker: outside })
  expect(keysFor('mqtts://c:8883', site, there)).toEqual({ broker: lab, credentials: '/lab/c.json' })
  expect(hubUrl(site, here, 'mqtt://x:1, ws://y:2/ws')).toBe('mqtt://x:1, ws://y:2/ws')
  expect(() => hubUrl(site, here, 'mqtt://x:1,y:2')).toThrow(
    '--site-hub "mqtt://x:1,y:2": "y:2": not an address',
  )
})

test('what is wrong in a list of mqtt_server', () => {
  const list = (items: string) => problems(`hub: {mqtt_server: ${items}}\nhosts: {}\n`)
  expect(list('[]')).toEqual(['lab.yaml:1:7: mqtt_server: the list is empty'])
  expect(list('["mqtt://a:1", b]')).toEqual([
    'lab.yaml:1:35: mqtt_server "b": not an address: write it as mqtt://127.0.0.1:1883',
  ])
  expect(list('["mqtt://a:1", "mqtt://a:1"]')).toEqual([
    'lab.yaml:1:35: mqtt_server "mqtt://a:1": it is already in the list',
  ])
  expect(list('[{adress: "mqtt://a:1"}]')).toEqual([
    'lab.yaml:1:22: unknown key "adress" in mqtt_server: did you mean "address"?',
  ])
  expect(list('[{address: "mqtt://a:1", mqtt_user: lab}]')).toEqual([
    'lab.yaml:1:45: mqtt_user and mqtt_password_file belong together: give both',
  ])
})

test('mqtt_server before wamp_server, a host before the site, --site-hub before all', () => {
  const site = parseSite(
    `hub: {wamp_server: "ws://a:8001/ws", mqtt_server: "mqtt://a:1883"}
hosts:
  here: {agent-instances: []}
  docker: {agent-instances: [], wamp_server: "ws://crossbar:8001/ws"}
`,
    'lab.yaml',
  )
  expect(hubUrl(site, site.hosts.get('here'))).toBe('mqtt://a:1883')
  expect(hubUrl(site, site.hosts.get('docker'))).toBe('ws://crossbar:8001/ws')
  expect(hubUrl(site, site.hosts.get('docker'), 'mqtt://b')).toBe('mqtt://b')
  expect(() => hubUrl(site, undefined, 'b:1883')).toThrow(
    '--site-hub "b:1883": not an address: write it as mqtt://127.0.0.1:1883',
  )
  expect(() => hubUrl(site, undefined, 'mqtt://ocs:s3cret@b')).toThrow(
    '--site-hub "mqtt://ocs:***@b": addresses',
  )
  expect(hubUrl(parseSite(good, 'lab.yaml'))).toBe('ws://localhost:8001/ws')
})
