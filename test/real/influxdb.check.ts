/**
 * InfluxDB, compared with OCS's own publisher: the same points are sent; a real InfluxDB that is killed
 * repeatedly, as the agent and its hub are, has each sample once. `KILLS=50` is the long run.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tags } from '../../src/core/channels.ts'
import { type FieldType, toWire, type Value } from '../../src/core/wire.ts'
import { influxV1 } from '../../src/sinks/influx-v1.ts'
import { influxV2 } from '../../src/sinks/influx-v2.ts'
import { PROTOCOLS, type Protocol, pointsOf } from '../../src/sinks/line-protocol.ts'
import { seeded } from '../random.ts'
import { unacknowledged } from './archive.ts'
import { DATABASE, INFLUX_URL, influxd, influxRow, influxRows } from './influxd.ts'
import { figure, Lab, type Running, seconds, until } from './roles.ts'

const KILLS = Number(process.env['KILLS'] ?? 5)
setDefaultTimeout(300_000 + 10_000 * KILLS)

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const PYTHON = process.env['OCS_SOCS_PYTHON'] ?? ''
const PUBLISHER = join(import.meta.dir, 'publisher.py')

/** One message of a feed: its content as OCS passes it on, and the types that Python gives its values. */
interface Message {
  readonly agentClass: string
  readonly instance: string
  readonly feed: string
  readonly block: string
  readonly t: readonly number[]
  readonly data: Readonly<Record<string, readonly [FieldType, ...Value[]]>>
  readonly tags?: Readonly<Record<string, Tags>>
  readonly excluded?: boolean
}

const t0 = 1775162753.7786078
const messages: readonly Message[] = [
  {
    ...{ agentClass: 'FakeDataAgent', instance: 'fake-data1', feed: 'false_temperatures', block: 'temps' },
    t: [t0, t0 + 0.1, t0 + 0.2],
    data: {
      channel_01: ['double', -0.034111, 1e-5, 1.5e16],
      channel_00: ['double', 0.25, 1, -2.5e-7],
    },
  },
  {
    ...{ agentClass: 'HostManager', instance: 'hm', feed: 'states', block: 'all' },
    t: [t0 + 1],
    data: {
      count: ['int', 3],
      large: ['int', 9007199254740993n],
      on: ['bool', true],
      off: ['bool', false],
      word: ['string', 'running, since = now'],
    },
  },
  {
    ...{ agentClass: 'Lakeshore372Agent', instance: 'ls372', feed: 'temperatures', block: 'one' },
    t: [t0 + 2, t0 + 3],
    data: { Channel_1_T: ['double', 0.1, 0.2], Channel_1_R: ['double', 1000, 2000] },
    tags: {
      Channel_1_T: { channel: 1, location: 'plate', _field: 'temperature' },
      Channel_1_R: { channel: 1, location: 'plate', _field: 'resistance' },
    },
  },
  {
    ...{ agentClass: 'FakeDataAgent', instance: 'fake-data1', feed: 'private', block: 'temps' },
    ...{ t: [t0], data: { hidden: ['double', 1] }, excluded: true },
  },
]

/** In the form of crossbar's messages, after OCS's aggregation. */
function asOcs({ agentClass, instance, feed, block, t, data, tags, excluded }: Message) {
  const columns = Object.entries(data).map(([name, [type, ...values]]) => {
    return [name, values.map((value) => numberText(type, value))]
  })
  const told = { block_name: block, timestamps: t, data: Object.fromEntries(columns) }
  const about = {
    ...{ agent_address: `observatory.${instance}`, agent_class: agentClass, feed_name: feed, record: true },
    agg_params: excluded ? { exclude_influx: true } : {},
  }
  return [{ [block]: { ...told, ...(tags && { influxdb_tags: tags }) } }, about]
}

/** A value in JSON that Python reads with its type; texts quoted here are unquoted afterwards. */
function numberText(type: FieldType, value: Value): unknown {
  if (type === 'double' && Number.isInteger(value)) return `@${Number(value).toExponential()}@`
  return type === 'int' ? `@${value}@` : value
}

function pointsFrom(
  { agentClass, instance, feed, block, t, data, tags, excluded }: Message,
  protocol: Protocol,
) {
  const fields = Object.entries(data).map(([name, [type]]) => [name, { type, influxdb_tags: tags?.[name] }])
  const declared = {
    ...{ agent_class: agentClass, exclude_influx: excluded },
    blocks: { [block]: Object.fromEntries(fields) },
  }
  const columns = Object.entries(data).map(([name, [, ...values]]) => [name, values.map(toWire)])
  const row = { block, t: [...t], data: Object.fromEntries(columns) }
  return pointsOf({ root: 'observatory', instance, feed }, declared, row, protocol)
}

interface Sent {
  readonly path: string
  readonly authorization: string | null
  readonly body: string
}

/** Takes the place of a database, and keeps what it is sent. */
function stub() {
  const sent: Sent[] = []
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const { pathname, searchParams } = new URL(request.url)
      if (pathname === '/query')
        return Response.json({ results: [{ series: [{ columns: ['name'], values: [[DATABASE]] }] }] })
      if (pathname === '/api/v2/buckets')
        return Response.json({ buckets: [{ name: 'feeds', orgID: '1', retentionRules: [] }] })
      const bytes = await request.bytes()
      const isPacked = request.headers.get('content-encoding') === 'gzip'
      const body = new TextDecoder().decode(isPacked ? Bun.gunzipSync(new Uint8Array(bytes)) : bytes)
      const authorization = request.headers.get('authorization')
      searchParams.sort()
      sent.push({ path: `${request.method} ${pathname}?${searchParams}`, authorization, body })
      return new Response(null, { status: 204 })
    },
  })
  return {
    sent,
    port: Number(server.port),
    [Symbol.asyncDispose]: async () => void (await server.stop(true)),
  }
}

test.each(['v1', 'v2'].flatMap((version) => PROTOCOLS.map((protocol) => [version, protocol] as const)))(
  'what OCS’s publisher %s sends by --protocol %s is what ours sends',
  async (version, protocol) => {
    await using lab = new Lab()
    await using theirs = stub()
    await using ours = stub()
    const file = lab.path('messages.json')
    writeFileSync(file, JSON.stringify(messages.map(asOcs)).replaceAll(/"@([^@]*)@"/g, '$1'))
    const env = (port: number) => ({
      ...{ INFLUXDB_USERNAME: 'lab', INFLUXDB_PASSWORD: 'four-kelvin', INFLUXDB_V2_ORG: 'so' },
      ...{
        INFLUXDB_V2_URL: `http://127.0.0.1:${port}`,
        INFLUXDB_V2_TOKEN: 'secret',
        INFLUXDB_V2_BUCKET: 'feeds',
      },
    })
    const script = [PYTHON, PUBLISHER, version, protocol, String(theirs.port), DATABASE, file]
    const publisher = lab.program('publisher', script, { env: env(theirs.port) })
    const { code } = await publisher.ended(120)
    expect(code, publisher.text()).toBe(0)

    const place = { host: '127.0.0.1', port: ours.port, database: DATABASE, ssl: false }
    const database =
      version === 'v1'
        ? influxV1({ ...place, verify_ssl: false, gzip: true }, env(ours.port))
        : influxV2(true, env(ours.port))
    const points = messages.flatMap((message) => pointsFrom(message, protocol))
    expect(await database.write(points, AbortSignal.timeout(10_000))).toBeUndefined()
    // The second version's `json` has whole numbers without `.0`, and booleans in lower case: equivalent for
    // a database.
    const spelt = ({ body, ...rest }: Sent) => {
      const text = body.trimEnd()
      const plain = text
        .replaceAll(/=(-?\d+)\.0(?=[, ])/g, '=$1')
        .replaceAll('=True', '=true')
        .replaceAll('=False', '=false')
      return { ...rest, body: version === 'v2' && protocol === 'json' ? plain : text }
    }
    expect(ours.sent.map(spelt)).toEqual(theirs.sent.map(spelt))
    expect(theirs.sent.length).toBe(1)
    figure(`${version} ${protocol}: ${points.length} points, ${theirs.sent[0]?.body.length} bytes, the same`)
  },
)

test('a panel of a dashboard that was made for OCS’s publisher shows the same of ours', async () => {
  await using lab = new Lab()
  await influxd(lab)
  const file = lab.path('messages.json')
  writeFileSync(file, JSON.stringify(messages.map(asOcs)).replaceAll(/"@([^@]*)@"/g, '$1'))
  const publisher = lab.program('publisher', [PYTHON, PUBLISHER, 'v1', 'line', '8086', 'theirs', file])
  expect((await publisher.ended(120)).code, publisher.text()).toBe(0)
  // It is created by the first write.
  const place = {
    host: '127.0.0.1',
    port: 8086,
    database: 'ours',
    ssl: false,
    verify_ssl: false,
    gzip: false,
  }
  const points = messages.flatMap((message) => pointsFrom(message, 'line'))
  expect(await influxV1(place, {}).write(points, AbortSignal.timeout(10_000))).toBeUndefined()
  const span = `time >= ${Math.floor(t0)}s AND time <= ${Math.floor(t0) + 10}s`
  const queries = [
    `SELECT mean("channel_00"), max("channel_01") FROM "observatory.fake-data1" WHERE "feed" = 'false_temperatures' AND ${span} GROUP BY time(1s) fill(null)`,
    `SELECT last("word"), last("on"), sum("large") FROM "observatory.hm" WHERE "feed" = 'states' AND ${span}`,
    `SELECT mean("temperature") FROM "Lakeshore372Agent" WHERE "instance_id" = 'ls372' AND ${span} GROUP BY time(1s), "channel"`,
    'SHOW FIELD KEYS',
    'SHOW TAG VALUES WITH KEY IN ("feed", "channel")',
  ]
  for (const query of queries) {
    const [theirs, ours] = await Promise.all([influxRows(query, 'theirs'), influxRows(query, 'ours')])
    expect(theirs.length).toBeGreaterThan(0)
    expect([query, ours]).toEqual([query, theirs])
  }
  // A field with another type in the database is refused and reported, and loses only its own point.
  const other = ['count', 'fresh'].map(
    (field) => `observatory.hm,feed=states ${field}=1.5 ${Math.floor(t0)}000000000`,
  )
  expect(await influxV1(place, {}).write(other, AbortSignal.timeout(10_000))).toEqual({
    points: 1,
    why: expect.stringContaining('already exists as type integer'),
  })
  expect(await influxRow('SELECT fresh FROM "observatory.hm"', 'ours')).toEqual([expect.anything(), 1.5])
  figure(`${queries.length} queries of dashboards: equal`)
})

/** A lab of one agent, a recorder and a sink. */
class SinkLab extends Lab {
  readonly flags = this.site(
    'instance-id: fake, agent-class: FakeDataAgent, arguments: [--mode, acq, --sample-rate, "20", --frame-length, "1"]',
    'instance-id: aggregator, agent-class: AggregatorAgent, arguments: [--data-dir, data]',
    'instance-id: influx, agent-class: InfluxDBAgent, arguments: [--host, "127.0.0.1"]',
  )

  agent(instance: string): Running {
    return this.start(instance, ['agent', '--instance-id', instance, ...this.flags])
  }

  /** Whether the sink has everything that agents hold, according to its session. */
  async caughtUp(): Promise<boolean> {
    const session = await this.session('influx', 'record')
    const { behind, connected } = (session?.['data'] ?? {}) as { behind?: number; connected?: boolean }
    return behind === 0 && connected === true
  }

  async audit() {
    const words = [
      'audit',
      '--data-dir',
      this.path('data'),
      '--influx',
      `${INFLUX_URL}/${DATABASE}`,
      '--json',
    ]
    const { code, out, err } = await this.run(words, {}, 120)
    const { influx } = JSON.parse(out || '{}') as {
      influx: { field: string; expected: number; held: number }[]
    }
    return { code, err, influx }
  }
}

test('database, sink and hub killed by turns: the database has each sample once', async () => {
  await using lab = new SinkLab()
  const random = seeded(SEED)
  figure(`seed ${SEED}`)
  let hub = await lab.hub(...lab.flags)
  let database = await influxd(lab)
  const recorder = lab.agent('aggregator')
  const fake = lab.agent('fake')
  let sink = lab.agent('influx')
  await until(
    'points come',
    60,
    async () => (await influxRow('SELECT COUNT(channel_00) FROM "observatory.fake"')).length > 0,
  )
  const kills = { database: 0, sink: 0, hub: 0 }
  for (let kill = 0; kill < KILLS; kill++) {
    await seconds(0.5 + 2 * random())
    const whom = kill === 0 ? 0 : random()
    if (whom < 0.5) {
      kills.database++
      await database.kill()
      await seconds(2 * random())
      database = await influxd(lab)
    } else if (whom < 0.8) {
      kills.sink++
      await sink.kill()
      sink = lab.agent('influx')
    } else {
      kills.hub++
      await hub.kill()
      hub = await lab.hub(...lab.flags)
    }
  }
  await seconds(2)
  const stopped = await lab.run(['ctrl', 'stop', 'fake', 'acq', ...lab.flags])
  expect(stopped.code, stopped.err).toBe(0)
  await until('all is recorded', 60, () => unacknowledged(lab.path('state')) === 0)
  await until('all is in the database', 90, () => lab.caughtUp())
  expect(await recorder.stop()).toMatchObject({ code: 0 })
  expect(await sink.stop()).toMatchObject({ code: 0 })
  expect(await fake.stop()).toMatchObject({ code: 0 })

  const { code, err, influx } = await lab.audit()
  expect([code, err]).toEqual([0, ''])
  expect(influx.map(({ field, held }) => [field, held])).toEqual(
    influx.map(({ field, expected }) => [field, expected]),
  )
  expect(influx.map(({ field }) => field)).toEqual([
    'fake.false_temperatures.channel_00',
    'fake.false_temperatures.channel_01',
  ])

  // Missing points are detected, and backfill writes them: the same samples are the same points.
  const before = await influxRows('SELECT * FROM "observatory.fake"')
  const [middle] = before[before.length >> 1] ?? []
  await influxRow(`DELETE FROM "observatory.fake" WHERE time < '${middle}'`)
  const lacking = await lab.audit()
  expect(lacking.code).toBe(1)
  expect(lacking.influx[0]?.held).toBe(before.length - (before.length >> 1))
  const filled = await lab.run([
    'backfill',
    '--influx',
    `${INFLUX_URL}/${DATABASE}`,
    '--data-dir',
    lab.path('data'),
  ])
  expect(filled, filled.err).toMatchObject({ code: 0 })
  expect(filled.out).toBe(`${before.length} points written to InfluxDB at 127.0.0.1:8086`)
  expect((await lab.audit()).code).toBe(0)
  expect(await influxRows('SELECT * FROM "observatory.fake"')).toEqual(before)
  figure(
    `${kills.database} kills of InfluxDB, ${kills.sink} of the sink, ${kills.hub} of the hub: ${before.length} samples, each once`,
  )
})
