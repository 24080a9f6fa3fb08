import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bus } from '../bus/bus.ts'
import { MemoryHub } from '../bus/memory.ts'
import { channels } from '../core/channels.ts'
import { waitingRows } from '../core/recording/waiting-rows.ts'
import type { Wire } from '../core/wire.ts'
import { LabMeters, Meter } from '../lab/lab-meters.ts'
import { type LabStatus, labStatus, type RoleStatus } from '../lab/lab-status.ts'
import type { LabView } from '../lab/lab-view.ts'
import { statusScreen } from '../terminal/status-screen.ts'
import { at } from '../terminal/table.ts'
import { commandLab, type TestLab } from './ctrl/ctrl.test-aid.ts'

let lab: TestLab
const folder = mkdtempSync(join(tmpdir(), 'ocs-status-'))
beforeAll(async () => {
  lab = await commandLab()
})
afterAll(async () => {
  await lab[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const role = (instance: string, more: Partial<RoleStatus> = {}): RoleStatus => ({
  instance,
  state: 'online',
  agent_class: 'FakeDataAgent',
  host: 'grumpy',
  up: 100,
  age: 0.3,
  rate: 20,
  waiting: 60,
  without_value: [],
  ops: { acq: 'running' },
  trouble: null,
  counters: {},
  restarts: 0,
  ...more,
})
const TIME = 1_795_420_800
const status = (roles: readonly RoleStatus[], more: Partial<LabStatus> = {}): LabStatus => ({
  time: TIME,
  hub: { url: 'mqtt://127.0.0.1:1883', connected: true },
  roles,
  not_recording: null,
  recorders: [
    {
      instance: 'aggregator',
      feeds: 3,
      stale: 0,
      behind: 0,
      unwritten: 57,
      file: '/data/hk/17954/1795420594.g3',
      problem: null,
    },
  ],
  alarms: [],
  ...more,
})
const many = Array.from({ length: 30 }, (_, at) => role(`thermometer-${at}`))

test('a line a role: what it does, how old its newest sample is, how fast it reads, what waits', () => {
  expect(
    statusScreen(status([role('ls240'), role('node', { age: null, rate: null, waiting: null })]), 80),
  ).toEqual([
    `${at(TIME)}  2 of 2 roles well  mqtt://127.0.0.1:1883`,
    '',
    'ROLE   DOES         AGE    RATE   TO RECORD',
    'ls240  acq running  0.3 s  20 /s  60',
    'node   acq running',
    '',
    'aggregator: 3 feeds, 0 rows behind, 57 to write, 17954/1795420594.g3',
  ])
})

test('fields without a value are counted and named: their role is not just well', () => {
  const screen = statusScreen(
    status([role('psu', { without_value: ['psu.Current_2', 'psu.Voltage_2'] }), role('ls240')]),
    100,
  )
  expect(screen[0]).toBe(`${at(TIME)}  2 of 2 roles well, 2 fields NaN  mqtt://127.0.0.1:1883`)
  expect(screen).toContain('psu: no value (NaN) of psu.Current_2, psu.Voltage_2')
})

test('a field that is NaN from the start has no value until it has one; a text may say NaN', async () => {
  const hub = new MemoryHub()
  const [root, instance, feed] = ['observatory', 'psu', 'psu']
  const it = hub.connect('psu')
  await it.publish(channels.last, { root, instance, feed }, { timestamp: 1, V: 'NaN', I: 2, said: 'NaN' })
  const block = { V: { type: 'double' }, I: { type: 'double' }, said: { type: 'string' } } as const
  const feeds = { psu: { agent_class: 'A', record: true, frame_length: 60, blocks: { b: block } } }
  const api = { agent_class: 'A', help: '', ops: {}, queries: {}, feeds }
  const eye = hub.connect('eye')
  await using meters = await LabMeters.open(eye, root)
  const view = { presence: undefined, api, sessions: new Map(), state: 'online' as const }
  const lab = { instances: new Map([[instance, view]]) } as unknown as LabView
  const nothing = () =>
    labStatus(lab, meters, { hub: { url: '', connected: true }, expected: [], up: [] }).roles[0]
      ?.without_value
  const row = (V: Wire, I: Wire) =>
    it.publish(
      channels.feed,
      { root, instance, feed },
      { epoch: 'e', block: 'b', t: [2], data: { V: [V], I: [I] } },
    )
  await once(eye, root)
  expect(nothing()).toEqual(['psu.V'])
  await row(1, 'NaN')
  await once(eye, root)
  expect(nothing()).toEqual(['psu.I'])
})

/** Resolves behind all that was sent before. */
async function once(bus: Bus, root: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  await using _ = await bus.subscribe(channels.event, { root }, () => resolve())
  await bus.publish(channels.event, { root, instance: 'x' }, { time: 1, level: 'info', kind: 'x', text: '' })
  await promise
}

test('what is wrong is told first, of alarms, agents, recorders and counters', () => {
  const alarm = {
    name: 'warm',
    severity: 'alarm',
    state: 'active',
    text: '12.3 K',
    since: 1_795_420_740,
    acknowledged: false,
  }
  const lines = statusScreen(
    status(
      [
        role('ls240'),
        role('control', { ops: { acq: 'degraded' }, trouble: 'acq: no reply', counters: { dropped: 3 } }),
        role('measurement', { state: 'lost', restarts: 4 }),
      ],
      {
        alarms: [alarm, { ...alarm, name: 'old', state: 'latched' }],
        recorders: [
          {
            instance: 'aggregator',
            feeds: 2,
            stale: 1,
            behind: 120,
            unwritten: 0,
            file: null,
            problem: null,
          },
        ],
      },
    ),
    80,
  )
  expect(lines[0]).toBe(`${at(TIME)}  1 of 3 roles well  ALARMS: 2  mqtt://127.0.0.1:1883`)
  expect(lines[1]).toBe('! warm (alarm for 1 min 0 s): 12.3 K')
  expect(lines[2]).toStartWith('! old (over, not acknowledged for')
  expect(lines[3]).toBe('control acq: no reply')
  expect(lines.slice(6).map((line) => line.split('  ')[0])).toEqual([
    'control',
    'measurement',
    'ls240',
    '',
    'aggregator: 2 feeds (1 silent), 120 rows behind, 0 to write',
    'control: dropped 3',
  ])
  expect(lines.join('\n')).toContain('lost (restarts: 4)')
})

test.each([
  [80, 24],
  [60, 20],
])('thirty roles on %i × %i: every line fits, what is wrong is there in full', (columns, rows) => {
  const bad = role('dilution-refrigerator-front', { state: 'offline', age: 3600, trouble: 'acq: no reply' })
  const lines = statusScreen(status([...many, bad]), columns, rows)
  expect(lines.length).toBeLessThan(rows)
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(columns)
  const text = lines.join('\n')
  for (const { instance } of many) expect(text).toContain(`${instance} 20 /s`)
  expect(text).toContain('dilution-refriger…')
  expect(text).toContain('1 h 0 min')
  expect(text).toContain('aggregator: 3 feeds, 0 rows behind')
})

test('no address of a hub is cut at 80 columns: each stands on a line that it fits', () => {
  const urls = ['mqtts://hub-one.physics.example.edu:8883', 'mqtts://hub-two.physics.example.edu:8883']
  const lines = statusScreen(status(many, { hub: { url: urls.join(), connected: true } }), 80, 24)
  for (const url of urls) expect(lines.some((line) => line.endsWith(url))).toBe(true)
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(80)
})

test('without a hub that is said, and without an alarm agent', () => {
  const hub = { url: 'mqtt://127.0.0.1:1883', connected: false }
  const lines = statusScreen(status([], { hub, alarms: undefined }), 80)
  expect(lines[0]).toContain('no hub at mqtt://127.0.0.1:1883')
  expect(lines.at(-1)).toBe('alarms: no alarm agent runs')
})

test('printed once, the reason of a trouble is there to its end; on a screen it takes one line', () => {
  const ghost = role('ghost', { state: 'left out', trouble: `left out: ${'/far'.repeat(30)}: no such pump` })
  expect(statusScreen(status([ghost]), 80)[1]).toEndWith(': no such pump')
  expect(statusScreen(status([ghost]), 80, 24)[1]).toHaveLength(79)
  const [name, text] = ['quiet', `no reading of ${'x'.repeat(80)} for 27 s`]
  const alarm = { name, text, severity: 'alarm', state: 'active', since: null, acknowledged: false }
  expect(statusScreen(status([], { alarms: [alarm] }), 80)[1]).toEndWith(' for 27 s')
  expect(statusScreen(status([], { alarms: [alarm] }), 80, 24)[1]).toHaveLength(79)
})

test('a rate is that of the last 10 s', () => {
  const meter = new Meter(100)
  for (let second = 101; second <= 120; second++) meter.add(5, second)
  expect(meter.rate(120)).toBeCloseTo(5.5)
  expect(meter.rate(125)).toBeCloseTo(3)
  expect(meter.rate(131)).toBe(0)
})

test('that nothing came in a second or two is no rate of 0', () => {
  const meter = new Meter(100)
  expect(meter.rate(102)).toBeNull()
  expect(meter.rate(111)).toBe(0)
  meter.add(5, 112)
  expect(meter.rate(112)).toBeCloseTo(0.5)
})

test('what waits in a spool is what is held and not recorded', () => {
  const epoch = (first: number, last: number, acked: number) => ({ epoch: 'e', first, last, acked })
  const feeds = {
    a: { spool: 's', epochs: [epoch(1, 100, 100), epoch(1, 50, 20)] },
    b: { spool: 's', epochs: [epoch(41, 60, 0)] },
  }
  expect(waitingRows(feeds)).toBe(50)
})

test('the lab as it is, by its site file: once, as JSON, and line by line', async () => {
  await lab.start('fake', { mode: 'acq', sample_rate: 20 })
  const file = join(folder, 'lab.yaml')
  const one = (id: string, agentClass: string) => `      - {instance-id: ${id}, agent-class: ${agentClass}}\n`
  const broken = '      - {instance-id: broken, module: ./nowhere.ts}\n'
  const known = one('fake', 'FakeDataAgent') + one('gone', 'BarebonesAgent') + broken
  const instances = known + one('typo', 'FakeDataAgnt') + one('acu', 'ACUAgent')
  writeFileSync(
    file,
    `hub: {mqtt_server: "${lab.url}"}\nhosts:\n  localhost:\n    agent-instances:\n${instances}`,
  )
  const once = await lab.ocs('status', `--site-file=${file}`, '--json')
  expect(once.code).toBe(0)
  const said = JSON.parse(once.out) as LabStatus
  expect(said.hub).toEqual({ url: lab.url, connected: true })
  expect(said.alarms).toBeUndefined()
  expect(said.roles.map(({ instance, state }) => [instance, state])).toEqual([
    ['fake', 'online'],
    ['gone', 'not running'],
    ['broken', 'not running'],
    ['typo', 'not running'],
  ])
  expect(said.roles[0]).toMatchObject({ ops: { acq: 'running' }, restarts: null, trouble: null })
  expect(said.roles[0]?.rate).toBeGreaterThan(5)
  // By the clock of the lab, which is no faster than the lab is run.
  expect(said.roles[0]?.age).toBeLessThan(2)

  const text = await lab.ocs('status', `--site-file=${file}`)
  expect(text.out).toMatch(/^gone +not running/m)
  expect(text.out).toMatch(/^fake +acq running, count running +\d/m)
  expect(await lab.ocs('status', '--watch')).toMatchObject({
    code: 2,
    err: expect.stringContaining('--json'),
  })

  const watch = lab.begin(['status', '--watch', '--json', `--site-file=${file}`])
  await watch.says('\n')
  watch.terminate()
  expect(await watch.code).toBe(0)
  for (const line of watch.out().trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('roles')
})

test('that nothing is recorded stands at the top, unless the hub is away', () => {
  const not_recording = 'aggregator is lost'
  const [, second] = statusScreen(status([role('ls240')], { not_recording, alarms: [] }), 80)
  expect(second).toBe('NOT RECORDING: aggregator is lost')
  const hub = { url: 'mqtt://127.0.0.1:1883', connected: false }
  expect(statusScreen(status([], { not_recording, hub }), 80).join()).not.toContain('NOT RECORDING')
})
