/**
 * A site of ten agent classes of ocs and socs, unmodified, on devices that answer as socs' drivers expect:
 * `ocs up` starts them, they acquire, and `ctrl`, alarms and the page treat them like native ones.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Chromium } from './browser.ts'
import { Listener } from './listener.ts'
import { figure, Lab, until } from './roles.ts'

setDefaultTimeout(400_000)

const PYTHON = process.env['OCS_SOCS_PYTHON'] ?? ''
/** The folder for screenshots of the page; none by default. */
const SHOTS = process.env['OCS_SHOTS'] ?? ''

interface Agent {
  readonly instance: string
  readonly agentClass: string
  readonly args: string
  /** A field, and the value that its device shows. */
  readonly shows?: readonly [field: string, value: unknown]
}
const agent = (
  instance: string,
  agentClass: string,
  args: string,
  ...shows: [] | [string, unknown]
): Agent => ({
  ...{ instance, agentClass, args },
  ...(shows.length > 0 && { shows: shows as [string, unknown] }),
})
const agents: readonly Agent[] = [
  agent('gauge', 'PfeifferAgent', "--ip_address, 127.0.0.1, --port, '9101'", 'pressure_ch1', 1.5),
  agent('relays', 'DS378Agent', "--ip_address, 127.0.0.1, --port, '9102'", 'V_sppl', 12.1),
  agent('wgencoder', 'WiregridEncoderAgent', ''),
  agent(
    'grid',
    'WiregridKikusuiAgent',
    "--kikusui-ip, 127.0.0.1, --kikusui-port, '9103'",
    'kikusui_volt',
    11.98,
  ),
  agent('heater', 'PCR500MAAgent', "--ip-address, 127.0.0.1, --port, '9104'", 'P_AC', 59.76),
  agent(
    'pdu',
    'SynaccessAgent',
    '--ip-address, 127.0.0.1:9105, --username, admin, --password, admin',
    'synaccess_1',
    0,
  ),
  agent('flow', 'FlowmeterAgent', "--ip-address, 127.0.0.1:9105, --daq-port, '1'", 'flow', 20.1),
  agent(
    'bootbar',
    'ibootbarAgent',
    "--address, 127.0.0.1, --port, '9106'",
    'outletStatus_0_description',
    'on',
  ),
  agent('field', 'Lakeshore425Agent', '--port, TTY, --mode, acq', 'Bfield', 270.644),
  agent('fake', 'FakeDataAgent', "--mode, acq, --num-channels, '2'", 'channel_00', expect.any(Number)),
]
const acquiring = agents.filter(({ shows }) => shows)

const siteText = (
  tty: string,
) => `hub: {mqtt_server: "mqtt://127.0.0.1:1883", wamp_server: "ws://127.0.0.1:8001/ws"}
hosts:
  localhost:
    agent-instances:
      - {instance-id: aggregator, agent-class: AggregatorAgent, arguments: [--data-dir, data]}
      - {instance-id: alarms, agent-class: AlarmAgent}
      - {instance-id: gauges, agent-class: ThermometryDataNode, arguments: [--target, gauge, --name, GAUGE, --feed, all]}
${agents
  .map(({ instance, agentClass, args }) => {
    const given = args.replace('TTY', tty)
    const runtime = agentClass === 'FakeDataAgent' ? ', runtime: python' : ''
    return `      - {instance-id: ${instance}, agent-class: ${agentClass}${runtime}, arguments: [${given}]}`
  })
  .join('\n')}
alarms:
  rules:
    - {name: vented, kind: limit, field: gauge.pressures.pressure_ch1, high: 1, clear_high: 0.5, message: the cryostat is vented}
`

test('ten classes of ocs and socs come up, acquire, are operated, watched and shown', async () => {
  await using lab = new Lab({ OCS_PYTHON: PYTHON })
  const devices = lab.program('devices', [PYTHON, join(import.meta.dir, 'socs-devices.py'), lab.dir])
  await devices.says('ready', 60)
  writeFileSync(lab.path('lab.yaml'), siteText(lab.path('ttyLS425')))
  const site = ['--site-file', lab.path('lab.yaml'), '--site-host', 'localhost']
  const up = lab.start('up', ['up', ...site, '--state-dir', lab.path('state')])
  await using _ = { [Symbol.asyncDispose]: async () => void (await up.stop()) }

  await up.says('listening on ws://', 60)
  const { rows } = await Listener.open(lab)
  /** The newest value of each field that has one. */
  const readings = () => {
    const newest = acquiring.map(({ instance, shows: [field] = [''] }) => {
      const of = rows.findLast((one) => one.instance === instance && field in one.row.data)
      return [instance, of?.row.data[field]?.at(-1)] as const
    })
    return Object.fromEntries(newest.filter(([, value]) => value !== undefined))
  }
  const expected = Object.fromEntries(acquiring.map(({ instance, shows }) => [instance, shows?.[1]]))
  await until('all acquire', 150, () => Object.keys(readings()).length === acquiring.length)
  expect<Record<string, unknown>>(readings()).toEqual(expected)
  figure(
    `${acquiring.length} of ${agents.length} classes acquire (an encoder without pulses has nothing to say)`,
  )

  const ctrl = (...args: string[]) => lab.run(['ctrl', ...args, ...site], {}, 60)
  const listed = await ctrl('ls')
  for (const { instance, agentClass } of agents)
    expect(listed.out).toMatch(new RegExp(`${instance}.*${agentClass}`))
  expect(await ctrl('start', 'pdu', 'set_outlet', '--outlet', '2', '--on', 'true', '--wait')).toMatchObject({
    code: 0,
  })
  await until('the outlet is on', 30, () => readings()['pdu'] === 1)
  // A class that makes a client in its constructor (ocs: OCSClient), and a driver's answer.
  const asked = await ctrl('start', 'grid', 'get_vc', '--wait')
  expect([asked.code, asked.out + asked.err]).toEqual([0, expect.stringContaining('11.98 V / 2.91 A')])
  const help = await ctrl('start', 'bootbar', 'set_outlet', '--help')
  expect(help.out).toContain('--state')
  const alarm = await until('the alarm is raised', 60, async () => {
    const { out } = await ctrl('alarms')
    return out.includes('vented') && out
  })
  expect(alarm).toContain('the cryostat is vented')

  const bridge = lab.start('bridge', ['bridge', ...site])
  const { text } = await bridge.says(/http:\/\/\S+/, 60)
  const origin = /http:\/\/[\d.:]+/.exec(text)?.[0] ?? ''
  await using chromium = await Chromium.open(origin)
  const { page } = chromium
  await page.goto(origin)
  await page.locator('.tile', { hasText: 'pressure_ch1' }).first().waitFor({ timeout: 60_000 })
  if (SHOTS !== '') await page.screenshot({ path: join(SHOTS, 'python-site.png'), fullPage: true })
  const words = (await page.locator('body').textContent()) ?? ''
  for (const { instance } of agents) expect(words).toContain(instance)
  expect(chromium.faults).toEqual([])
})
