/**
 * A database that is away for a day, by a fast clock: agents continue and are recorded, both sinks report the
 * problem, and afterwards the database has each sample once. Rows that spools no longer hold come from the
 * archive node; one sink is on another host (a network namespace), which has none of the agents' files.
 * `OUTAGE_HOURS=24 OUTAGE_SPEED=50` is the long run.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lookAtSpool } from '../../src/runtime/spool/spool-look.ts'
import { unacknowledged } from './archive.ts'
import { FastClock } from './fast-clock.ts'
import { HERE, Network } from './hosts.ts'
import { DATABASE, INFLUX_URL, influxd, influxRow, influxRows } from './influxd.ts'
import { figure, Lab, type Running, seconds, since, until } from './roles.ts'

setDefaultTimeout(3_500_000)

const HOURS = Number(process.env['OUTAGE_HOURS'] ?? 2.5)
const SPEED = Number(process.env['OUTAGE_SPEED'] ?? 50)
const HERTZ = 0.5
/** Needed besides the fast clock: the roles must be woken by it. */
const preload = `--preload=${join(import.meta.dir, 'soak-preload.ts')}`
const MODULE = join(import.meta.dir, 'mixed-agent.ts')

/** The clock of this machine, for the checks at the end: their time-outs are in real seconds. */
const REAL = { LD_PRELOAD: undefined, FAKETIME: undefined, FAKETIME_SHARED: undefined }

/** The two sinks, by the database that each writes to. */
const SINKS = { influx: DATABASE, far: 'of_another_host' } as const
const AGENTS = ['steady', 'restless'] as const
type Sink = keyof typeof SINKS

/** The report of a sink. */
interface Said {
  readonly degraded: boolean
  readonly data: { readonly behind?: number; readonly connected?: boolean; readonly problem?: string | null }
}

class OutageLab extends Lab {
  readonly #site = ['--site-file', this.path('site.yaml')]
  readonly flags = [...this.#site, '--site-host', 'localhost']
  readonly farFlags = [...this.#site, '--site-host', 'far']

  constructor(env: Readonly<Record<string, string>>) {
    super({ ...env, SOAK_COLLECT_SECONDS: '3600', BUN_OPTIONS: preload })
    const agents = AGENTS.map(
      (id) => `      - {agent-class: MixedAgent, instance-id: ${id}, arguments: [--hertz, ${HERTZ}]}\n`,
    )
    const sink = (id: Sink, host: string) =>
      `      - {agent-class: InfluxDBAgent, instance-id: ${id}, arguments: [--host, ${host}, --database, ${SINKS[id]}]}\n`
    const data = this.path('data')
    writeFileSync(
      this.path('site.yaml'),
      `hub: {mqtt_server: 'mqtt://${HERE}:1883'}
hosts:
  localhost:
    agent-instances:
${agents.join('')}${sink('influx', '127.0.0.1')}      - {agent-class: AggregatorAgent, instance-id: aggregator, arguments: [--data-dir, ${data}]}
      - {agent-class: ArchiveDataNode, instance-id: archive, arguments: [--data-dir, ${data}]}
  far:
    agent-instances:
${sink('far', HERE)}`,
    )
  }

  agent(instance: string, ...more: string[]): Running {
    return this.start(instance, ['agent', '--instance-id', instance, ...this.flags, ...more])
  }

  mixed(instance: (typeof AGENTS)[number]): Running {
    return this.agent(instance, '--module', MODULE)
  }

  /** The retained message on a topic of an instance, as any MQTT client sees it. */
  async #retained<T>(instance: string, topic: string): Promise<T | undefined> {
    const visit = this.program('visitor', [
      'mosquitto_sub',
      '-t',
      `observatory/${instance}/${topic}`,
      '-C',
      '1',
    ])
    await visit.ended(60)
    const text = visit.text('out')
    return text === '' ? undefined : (JSON.parse(text) as T)
  }

  /** The report of a sink about its work. */
  async said(sink: Sink): Promise<Said> {
    return (await this.#retained<Said>(sink, 'ops/record/session')) ?? { degraded: false, data: {} }
  }

  /** Number of points that a sink has received from archive nodes. */
  async archived(sink: Sink): Promise<number> {
    const presence = await this.#retained<{ counters: { archived: number } }>(sink, 'presence')
    return presence?.counters.archived ?? 0
  }

  /** The first row of an agent that is still held. */
  held(instance: string): readonly { readonly epoch: string; readonly first: number }[] {
    const { epochs } = lookAtSpool(this.path('state', 'observatory', `${instance}.sqlite`))
    return epochs.map(({ epoch, first }) => ({ epoch, first }))
  }

  async audit(database: string) {
    const words = [
      'audit',
      '--data-dir',
      this.path('data'),
      '--influx',
      `${INFLUX_URL}/${database}`,
      '--json',
    ]
    const { code, out, err } = await this.run(words, { env: REAL }, 120)
    const { influx } = JSON.parse(out || '{}') as {
      influx: { field: string; expected: number; held: number }[]
    }
    return { code, err, influx }
  }
}

const count = (database: string, agent: string) =>
  influxRow(`SELECT COUNT(n) FROM "observatory.${agent}"`, database).then(([, value]) => Number(value ?? 0))

test(`a database is away for ${HOURS} h: degraded, and then all is there once, from spools and archive, on another host too`, async () => {
  await using clock = await FastClock.start(SPEED)
  await using lab = new OutageLab(clock.env)
  const network = await Network.open(lab)
  const host = await network.host('far')
  // Without TLS, whose handshakes would take too long on this clock.
  const hub = await lab.hub(
    ...lab.flags.slice(0, 2),
    '--listen',
    '0.0.0.0',
    '--listen-ws',
    '0.0.0.0',
    '--insecure',
  )
  let database = await influxd(lab, '0.0.0.0')
  const steady = lab.mixed('steady')
  let restless = lab.mixed('restless')
  for (const agent of [steady, restless]) await agent.says('session joined', 60)
  const recorder = lab.agent('aggregator')
  const archive = lab.agent('archive', '--index-dir', lab.path('index'))
  const near = lab.agent('influx')
  const env = { OCS_STATE_DIR: lab.path('elsewhere'), HOME: lab.path('elsewhere') }
  const far = host.start('far', ['agent', '--instance-id', 'far', ...lab.farFlags], { env })
  for (const name of Object.values(SINKS))
    for (const agent of AGENTS)
      await until(`${agent} is in ${name}`, 20, async () => (await count(name, agent)) > 5)

  await database.kill()
  const start = performance.now()
  const hours = () => (since(start) * clock.speed) / 3600
  const degraded = { influx: 0, far: 0 }
  let looks = 0
  let restarts = 0
  while (hours() < HOURS) {
    await seconds(Math.min(10, (3600 * HOURS) / SPEED / 20))
    looks++
    for (const sink of Object.keys(SINKS) as Sink[]) {
      const { degraded: is, data } = await lab.said(sink)
      if (is && data.connected === false && data.problem?.includes('cannot be reached')) degraded[sink]++
    }
    // Epochs that begin and end while the database is away.
    if (restarts < 2 && hours() > ((restarts + 1) * HOURS) / 4) {
      restarts++
      expect(await restless.stop()).toMatchObject({ code: 0 })
      restless = lab.mixed('restless')
    }
  }
  expect(degraded).toEqual({ influx: looks, far: looks })
  const held = AGENTS.map((agent) => lab.held(agent))
  for (const epochs of held) {
    expect(epochs.length).toBe(1)
    expect(epochs[0]?.first).toBeGreaterThan(1)
  }
  const back = performance.now()
  database = await influxd(lab, '0.0.0.0')
  for (const sink of Object.keys(SINKS) as Sink[])
    await until(`${sink} has caught up`, 300, async () => {
      const { degraded: is, data } = await lab.said(sink)
      return !is && data.connected === true && data.behind === 0
    })
  const took = since(back)
  for (const agent of AGENTS)
    await until(`${agent} has stopped`, 60, async () => {
      const { code } = await lab.run(['ctrl', 'stop', agent, 'acq', ...lab.flags])
      return code === 0
    })
  await until('all is recorded', 60, () => unacknowledged(lab.path('state')) === 0)
  for (const sink of Object.keys(SINKS) as Sink[])
    await until(`${sink} has the last rows`, 60, async () => (await lab.said(sink)).data.behind === 0)
  const archived: number[] = []
  for (const sink of Object.keys(SINKS) as Sink[])
    archived.push(
      await until(
        `${sink} has had points of the archive`,
        30,
        async () => (await lab.archived(sink)) || undefined,
      ),
    )
  for (const role of [near, far, archive, recorder, steady, restless, hub])
    expect(await role.stop()).toMatchObject({ code: 0 })

  // Every recorded value, as it is recorded.
  const rows: Record<string, number> = {}
  for (const [sink, name] of Object.entries(SINKS)) {
    const { code, err, influx } = await lab.audit(name)
    expect([sink, code, err]).toEqual([sink, 0, ''])
    expect(influx.length).toBe(5 * AGENTS.length)
    for (const { field, expected, held: has } of influx)
      expect([sink, field, has]).toEqual([sink, field, expected])
    for (const agent of AGENTS) {
      rows[agent] = await count(name, agent)
      expect(await samples(lab, agent)).toEqual(await inDatabase(agent, name))
    }
  }
  figure(
    `${HOURS} h without a database in ${(since(start) / 60).toFixed(1)} min: ${Object.values(rows).join(' + ')} samples, each once in both; ` +
      `${archived.join(' and ')} points from the archive node; degraded in each of ${looks} looks; caught up in ${((took * clock.speed) / 60).toFixed(1)} min of that clock (${took.toFixed(1)} s)`,
  )
})

const FIELDS = ['n', 'ratio', 'odd', 'word']
type Sample = readonly unknown[]
/** The recorded samples of an agent. */
async function samples(lab: Lab, agent: string): Promise<Sample[]> {
  const fields = FIELDS.map((name) => `${agent}.mixed.${name}`)
  const words = [
    'export',
    ...fields,
    '--from',
    '0',
    '--to',
    '9000000000',
    '--format',
    'jsonl',
    '--data-dir',
    lab.path('data'),
  ]
  const { out } = await lab.run(words, { env: REAL }, 120)
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .map((row) => fields.map((field) => (row[field] === 'NaN' ? null : row[field])))
}

/** Its samples in a database. */
async function inDatabase(agent: string, name: string): Promise<Sample[]> {
  const rows = await influxRows(`SELECT ${FIELDS.join()} FROM "observatory.${agent}"`, name)
  return rows.map(([, ...values]) => values)
}
