/** The walk-through of the manual, terminal by terminal, with its own yale.yaml; each line that it prints. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { compare, filesOf, spooled } from './archive.ts'
import { query, search } from './grafana.ts'
import { Listener } from './listener.ts'
import { figure, Lab, type Running, SLOW, seconds, since, until } from './roles.ts'
import { type Found, type RoleName, type Spelling, YaleLab } from './yale-lab.ts'

setDefaultTimeout(400_000)

/** A log line's time. */
const STAMP = String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} `
const READING = new RegExp(`${STAMP}.*Channel_\\d [\\d.e-]+ K [\\d.e-]+ V`)
const READING_372 = new RegExp(`${STAMP}.*Channel_\\d+ [\\d.e-]+ K [\\d.e-]+ Ω`)
const BY_CTRL = [
  'transport connected',
  'session joined: ',
  'Starting Aggregator',
  'Starting Data Acquisition',
]

const stamped = (text: string) => new RegExp(STAMP + text)
/** Maximum seconds from a command to the first reading. */
const FIRST = 2

type Roles = Record<RoleName, Running>
interface Walk {
  readonly order: readonly RoleName[]
  readonly spelling: Spelling
  readonly found: Found
  readonly idle: boolean
}

const seed: readonly RoleName[] = [
  ...(['hub', 'ls240', 'control', 'measurement', 'aggregator'] as const),
  ...(['node', 'node2', 'sensors', 'weather', 'bridge'] as const),
]
const walks: Record<string, Walk> = {
  'as the manual has it': { order: seed, spelling: 'flags', found: 'serial number', idle: false },
  'backwards, idle': { order: seed.toReversed(), spelling: 'environment', found: 'port', idle: true },
  'recorder first, hub in the middle': {
    order: [
      'aggregator',
      'node2',
      'bridge',
      'ls240',
      'hub',
      'measurement',
      'weather',
      'node',
      'control',
      'sensors',
    ],
    spelling: 'flags',
    found: 'ip address',
    idle: false,
  },
}

for (const [name, walk] of Object.entries(walks)) {
  test(`the walk-through: ${name}`, async () => {
    await using lab = new Lab()
    const yale = new YaleLab(lab, walk)
    await yale.instruments()
    const roles = await startAll(yale, walk)
    await printsItsLines(roles, lab)
    if (walk.idle) await idles(lab, yale, roles)
    else expect(roles.aggregator.text()).not.toContain('idle:')
    await startsByControl(yale)
    await readings(roles)
    await drawsCurves()
    await hubRestarts(lab, yale, roles)
    await stopsByControl(lab, yale, roles)
    await stopsCleanly(roles)
    await compare(lab, yale.dataDir, spooled(lab.path('state')))
    expect(filesOf(yale.dataDir).length).toBeGreaterThan(0)
  })
}

/** Types the commands, each a moment after the one before, whether or not that one is ready. */
async function startAll(yale: YaleLab, { order }: Walk): Promise<Roles> {
  const roles = {} as Roles
  for (const name of order) {
    // Before the hub runs each role reports that it is waiting for it.
    if (name === 'hub')
      await Promise.all(Object.values(roles).map((role) => role.says('waiting for the hub', 20)))
    roles[name] = yale.start(name)
    await seconds(0.2)
  }
  return roles
}

async function printsItsLines(roles: Roles, lab: Lab): Promise<void> {
  await roles.hub.says(stamped('listening on mqtt://127.0.0.1:1883$'))
  await roles.hub.says(stamped('listening on ws://127.0.0.1:8001/ws$'))
  await roles.ls240.says(/^site_config is setting values of "serial_number" to "LSA21OQ"\.$/)
  await roles.control.says(/^site_config is setting values of "serial_number" to "LSA22YG"\.$/)
  await roles.measurement.says(/^site_config is setting values of "serial_number" to "LSA22HA"\.$/)
  for (const [name, role] of Object.entries(roles)) {
    if (name === 'hub') continue
    await role.says(stamped('transport connected$'), 20)
    if (name === 'bridge') await role.says(stamped('listening on http://127.0.0.1:5000'))
    else await role.says(stamped('session joined: '))
    if (!['hub', 'bridge'].includes(name)) await role.says(stamped(`.*log: ${lab.path()}`))
    // Addresses of the seed's lab: overridden, so neither used nor named.
    expect(role.text()).not.toContain('172.16.')
  }
  for (const name of ['ls240', 'control', 'measurement'] as const) await roles[name].says(stamped('state: /'))
}

/** Started idle, they report that, read nothing before the command, and soon after it do. */
async function idles(lab: Lab, yale: YaleLab, roles: Roles): Promise<void> {
  for (const name of ['ls240', 'control', 'measurement'] as const) {
    await roles[name].says(stamped(`idle: waiting for: ocs ctrl start --target=${name}$`))
  }
  await roles.aggregator.says(stamped('idle: waiting for: ocs ctrl start'))
  const listener = await Listener.open(lab)
  await seconds(2)
  expect(listener.rows).toEqual([])
  expect(filesOf(lab.path()).filter((file) => file.startsWith('data'))).toEqual([])
  const asked = performance.now()
  const first = listener.next(({ instance }) => instance === 'ls240', asked)
  const { code, err } = await yale.ctrl('start', '--target=ls240')
  expect(code, err).toBe(0)
  const took = ((await first).at - asked) / 1000
  figure(`idle: the first reading ${took.toFixed(2)} s after the command was typed`)
  expect(took).toBeLessThan(SLOW * FIRST)
  expect(listener.rows.filter(({ instance }) => instance !== 'ls240')).toEqual([])
}

async function startsByControl(yale: YaleLab): Promise<void> {
  const { code, err, took } = await yale.ctrl('start', '-v', '--target=ls240')
  expect(code, err).toBe(0)
  const lines = err.split('\n')
  for (const [at, text] of BY_CTRL.entries()) expect(lines[at]).toMatch(stamped(text))
  figure(`ocs ctrl start --target=ls240: ${took.toFixed(2)} s`)
  // Without a target: every instrument of the site file.
  expect(await yale.ctrl('start')).toMatchObject({ code: 0 })
  const { out } = await yale.ctrl('status')
  for (const name of ['ls240', 'control', 'measurement']) {
    expect(out).toMatch(new RegExp(`^${name} +online .*Lakeshore.*acq running`, 'm'))
  }
  expect(out).toMatch(/^aggregator +online .*record running/m)
}

async function readings(roles: Roles): Promise<void> {
  const line = await roles.ls240.says(READING)
  expect(line.from).toBe('out')
  await roles.control.says(READING_372, 20)
  await roles.measurement.says(READING_372, 20)
  const { text } = await roles.aggregator.says(/new file: .*data\/\d{5}\/\d{10}\.g3/, 20)
  expect(text).toMatch(stamped(''))
  expect(roles.aggregator.text()).toMatch(/recording to .*data$/m)
}

async function drawsCurves(): Promise<void> {
  const wanted = ['LSA21OQ::Channel_1_T', 'LSA21OQ::Channel_1_V']
  const metrics = await until('all data nodes are listed', 10, async () => {
    const found = await search()
    const nodes = new Set(found.map((metric) => metric.split('::')[0]))
    return nodes.size >= 4 && wanted.every((metric) => found.includes(metric)) && found
  })
  expect([...new Set(metrics.map((metric) => metric.split('::')[0]))].sort()).toEqual([
    'LSA21OQ',
    'LSA22YG',
    'sensors',
    'weather',
  ])
  const curves = await until('curves have points', 10, async () => {
    const found = await query(wanted)
    return found.every(({ datapoints }) => datapoints.length > 0) && found
  })
  expect(curves.map(({ target }) => target)).toEqual(wanted)
  const page = await fetch('http://127.0.0.1:5000/')
  expect(page.status).toBe(200)
}

/** The hub restarts: each role reports it and continues. */
async function hubRestarts(lab: Lab, yale: YaleLab, roles: Roles): Promise<void> {
  const others = Object.entries(roles).filter(([name]) => name !== 'hub')
  const marks = new Map(others.map(([name, role]) => [name, role.mark]))
  expect(await roles.hub.stop('SIGINT')).toMatchObject({ code: 0 })
  for (const [name, role] of others) await role.says(stamped('transport lost'), 10, marks.get(name))
  await seconds(2)
  roles.hub = yale.start('hub')
  await roles.hub.says('listening on ws://')
  const back = performance.now()
  for (const [name, role] of others) await role.says(stamped('transport connected$'), 15, marks.get(name))
  figure(`all ${others.length} roles are back ${since(back).toFixed(2)} s after the hub`)
  const listener = await Listener.open(lab, 'observatory/ls240/feeds/#')
  await listener.next(() => true)
  await until(
    'curves go on',
    10,
    async () => (await query(['LSA21OQ::Channel_1_T'], 1))[0]?.datapoints.length,
  )
}

async function stopsByControl(lab: Lab, yale: YaleLab, roles: Roles): Promise<void> {
  const { code, err } = await yale.ctrl('stop', '--target=ls240')
  expect(code, err).toBe(0)
  expect(await lab.session('ls240', 'acq')).toMatchObject({ status: 'done', success: true })
  expect(await lab.session('control', 'acq')).toMatchObject({ status: 'running' })
  expect(await lab.session('aggregator', 'record')).toMatchObject({ status: 'running' })
  expect(roles.ls240.end).toBeUndefined()
}

/** Ctrl-C, kill and a closed terminal: each ends a role with exit code 0. */
async function stopsCleanly(roles: Roles): Promise<void> {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  let slowest = 0
  const last: RoleName[] = ['aggregator', 'hub']
  const first = (Object.keys(roles) as RoleName[]).filter((name) => !last.includes(name))
  for (const [at, name] of [...first, ...last].entries()) {
    const start = performance.now()
    expect(await roles[name].stop(signals[at % 3]), name).toMatchObject({ code: 0 })
    slowest = Math.max(slowest, since(start))
  }
  figure(`the slowest role stopped in ${slowest.toFixed(2)} s`)
  expect(slowest).toBeLessThan(SLOW * 2)
}
