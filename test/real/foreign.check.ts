/**
 * Foreign sensors: recorded traffic of five makers' devices, replayed by `mosquitto_pub`, on our hub with
 * granted topics and on a Mosquitto with a password. Messages that are no readings, or worse, lose nobody
 * else's rows; spt3g and so3g find the rest.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { principalsPath, readPrincipals } from '../../src/principals/principals-file.ts'
import { compare, spooled, unacknowledged } from './archive.ts'
import { figure, Lab, ROOT, type Running, until } from './roles.ts'

setDefaultTimeout(400_000)
const FOLDER = `${ROOT}/fixtures/foreign-sensors`
/** Each sender, by its recorded traffic, and the topics it uses. */
const MAKERS = {
  shelly: ['shellyplus1pm-a8032ab6ee10'],
  esphome: ['esp-cellar'],
  tasmota: ['tele/tasmota_9CF9D1', 'stat/tasmota_9CF9D1'],
  zigbee2mqtt: ['zigbee2mqtt'],
  'node-red': ['nodered'],
}
type Maker = keyof typeof MAKERS
const makers = Object.keys(MAKERS) as Maker[]

/** The flags with which `mosquitto_pub` reaches a broker. */
type To = (maker: Maker) => readonly string[]

/** Publishes one message with Mosquitto's client, and waits for its end. */
async function publish(
  lab: Lab,
  to: readonly string[],
  topic: string,
  text: string | Buffer,
  ...more: string[]
) {
  const file = lab.path('payload')
  writeFileSync(file, text)
  const pub = lab.program('mosquitto_pub', [
    'mosquitto_pub',
    ...to,
    '-q',
    '1',
    '-t',
    topic,
    '-f',
    file,
    ...more,
  ])
  await pub.ended(20)
  return pub
}

/** Replays a maker's recorded messages. */
async function replay(lab: Lab, to: To, maker: Maker): Promise<void> {
  for (const line of readFileSync(`${FOLDER}/${maker}.txt`, 'utf8').trim().split('\n')) {
    const [, retained, topic = '', text = ''] = /^([01]) (\S+) ?(.*)$/.exec(line) ?? []
    await publish(lab, to(maker), topic, text, ...(retained === '1' ? ['-r'] : []))
  }
}

/** The readings of a device in the spool, in order, by field. */
function readings(lab: Lab, feed: string): Record<string, unknown[]> {
  const found: Record<string, unknown[]> = {}
  for (const sent of spooled(lab.path('state')))
    if (sent.feed === feed)
      for (const [field, values] of Object.entries(sent.row.data))
        found[field] = [...(found[field] ?? []), ...values]
  return found
}

/** The readings of the recorded traffic, in order, by device and field. */
const RECORDED = {
  plug_fridge: { online: [1, 0], power: [41.6, 42.1, 0], energy: [1132.417, 1133.118, 1133.902] },
  cellar: { online: [1, 0], temperature: ['NaN', 12.4, 12.5], humidity: [71.3, 'NaN'], door: [0, 1] },
  freezer: { online: [1, 0], power: [51, 0], temperature: [-18.6, 'NaN'], signal: [-78] },
  dome: { online: [1, 0], temperature: [27.34, 27.41], humidity: [44.72, 44.91] },
  hatch: { closed: [0, 1] },
  mast: { online: [1, 0], wind_speed: [3.4, 3.9, 'NaN'], flow: [17.25, 'NaN', 412, 17.5] },
}

/** The site: an agent of the devices and a recorder. */
function site(lab: Lab, more: readonly string[] = []): string[] {
  const file = lab.path('lab.yaml')
  const agent = {
    'agent-class': 'MqttSensorAgent',
    'instance-id': 'devices',
    arguments: ['--devices', `${FOLDER}/devices.yaml`, ...more],
  }
  const recorder = {
    'agent-class': 'AggregatorAgent',
    'instance-id': 'aggregator',
    arguments: ['--data-dir', lab.path('data'), '--frame-length', '0.2'],
  }
  const hub = { mqtt_server: 'mqtt://127.0.0.1:1883', device_topics: MAKERS }
  writeFileSync(file, JSON.stringify({ hub, hosts: { localhost: { 'agent-instances': [agent, recorder] } } }))
  return ['--site-file', file, '--site-host', 'localhost']
}

/** Replays everything, with hostile messages in between, and checks what is recorded. */
async function recordAll(lab: Lab, flags: readonly string[], to: To): Promise<void> {
  // A retained message from before has an unknown age, so it is not a reading.
  await publish(lab, to('esphome'), `${MAKERS.esphome[0]}/sensor/cellar_temperature/state`, '99', '-r')
  const recorder = lab.start('aggregator', ['aggregate', ...flags])
  const agent = lab.start('devices', ['agent', '--instance-id', 'devices', ...flags])
  await recorder.says('session joined', 40)
  await agent.says('session joined', 40)
  await until(
    'the devices are heard',
    40,
    async () => (await lab.session('devices', 'acq'))?.['status'] === 'running',
  )
  const data = async () =>
    (await lab.session('devices', 'acq'))?.['data'] as { devices: Record<string, Shown> } | undefined
  // Messages from before its subscription are lost: an availability of the first maker shows when it is
  // there.
  await until('its subscriptions are there', 40, async () => {
    await publish(lab, to('shelly'), `${MAKERS.shelly[0]}/online`, 'true', '-r')
    return (await data())?.devices['plug_fridge']?.online === true
  })
  await until('all of it is on disk', 20, () => readings(lab, 'plug_fridge')['online'])
  const before = readings(lab, 'plug_fridge')['online']?.length ?? 0

  await hostile(lab, to)
  for (const maker of makers) await replay(lab, to, maker)
  await until('the last message is on disk', 40, () => readings(lab, 'mast')['online']?.length === 2)
  const { plug_fridge, ...others } = RECORDED
  for (const [feed, fields] of Object.entries(others))
    expect([feed, readings(lab, feed)]).toMatchObject([feed, fields])
  const plug = readings(lab, 'plug_fridge')
  expect({ ...plug, online: plug['online']?.slice(before) }).toMatchObject({
    ...plug_fridge,
    power: ['NaN', 'NaN', ...plug_fridge.power],
    energy: ['NaN', 'NaN', ...plug_fridge.energy],
  })
  const shown = await until('the session tells', 20, async () => {
    const found = await data()
    return found?.devices['mast']?.online === false ? found : undefined
  })
  expect(shown.devices['plug_fridge']?.errors).toEqual({ 'too long': 1, 'no JSON': 2 })
  expect(shown.devices['mast']?.errors).toEqual({ 'no JSON': 1, 'no number': 1 })
  expect(shown.devices['cellar']?.errors).toMatchObject({ 'kept from before': 1 })
  expect(shown.devices['hatch']).toMatchObject({ errors: {}, problem: null })
  const words = ['ctrl', 'status', 'devices', '--json', '--site-hub', 'mqtt://127.0.0.1:1883']
  // Counters are published with the heartbeat.
  await until('what was out of range is counted', 20, async () => {
    const { out } = await lab.run(words)
    return out.includes('offline, by') && out.includes('"out_of_range":1')
  })

  await until('everything is recorded', 60, () => unacknowledged(lab.path('state')) === 0)
  for (const role of [agent, recorder]) expect(await role.stop()).toMatchObject({ code: 0 })
  await compare(lab, lab.path('data'), spooled(lab.path('state')))
  figure(`${spooled(lab.path('state')).length} rows of 6 devices by 5 makers, read by so3g and spt3g`)
}

interface Shown {
  readonly online: boolean | null
  readonly errors: Readonly<Record<string, number>>
  readonly problem: string | null
}

/** Messages that a device may send if it is broken or foreign. */
async function hostile(lab: Lab, to: To): Promise<void> {
  const topic = `${MAKERS.shelly[0]}/status/switch:0`
  await publish(lab, to('shelly'), topic, Buffer.alloc(1_000_000, '['))
  await publish(lab, to('shelly'), topic, `${'['.repeat(20_000)}${']'.repeat(20_000)}`)
  await publish(lab, to('shelly'), topic, Buffer.from([0, 0xff, 0xfe, 0x1b, 0x5b, 0x32, 0x4a]))
}

test('on our hub, each maker by its own token on its own topics', async () => {
  await using lab = new Lab()
  const flags = site(lab)
  const tokens = new Map<Maker, string>()
  for (const maker of makers) {
    const { out, err, code } = await lab.run(['hub', 'token', maker, '--role', 'device', '--plain', ...flags])
    expect([code, err]).toEqual([0, ''])
    tokens.set(maker, out.trim())
  }
  expect(Object.keys(readPrincipals(principalsPath(lab.path('state'))))).toEqual(makers)
  await lab.hub(...flags)
  const to: To = (maker) => [
    '-h',
    '127.0.0.1',
    '-u',
    maker,
    '-P',
    tokens.get(maker) ?? '',
    '-i',
    `pub_${maker}`,
  ]
  // Nobody can publish for another's device.
  await publish(lab, to('node-red'), 'tele/tasmota_9CF9D1/SENSOR', '{"ENERGY":{"Power":1e6}}')
  await recordAll(lab, flags, to)
  expect(JSON.stringify(readings(lab, 'freezer'))).not.toContain('1000000')
})

test('on a Mosquitto with a password, beside the hub', async () => {
  await using lab = new Lab()
  const [port, password] = [18_830, 'wet paint']
  writeFileSync(lab.path('password'), `${password}\n`, { mode: 0o600 })
  const made = Bun.spawnSync(['mosquitto_passwd', '-b', '-c', lab.path('passwords'), 'lab', password])
  expect(made.exitCode).toBe(0)
  const conf = `user root\nlistener ${port} 127.0.0.1\nallow_anonymous false\npassword_file ${lab.path('passwords')}\n`
  writeFileSync(lab.path('mosquitto.conf'), conf)
  const start = (): Running => lab.program('mosquitto', ['mosquitto', '-c', lab.path('mosquitto.conf'), '-v'])
  const broker = start()
  await broker.says('running', 20)
  const flags = site(lab, [
    ...['--mqtt-server', `mqtt://127.0.0.1:${port}`],
    ...['--mqtt-user', 'lab', '--mqtt-password-file', lab.path('password')],
  ])
  await lab.hub(...flags)
  await recordAll(lab, flags, () => ['-h', '127.0.0.1', '-p', String(port), '-u', 'lab', '-P', password])
})
