/** Databases that speak InfluxDB's line protocol without being InfluxDB: all recorded data get into them. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { DemoLab } from './demo-lab.ts'
import { Listener } from './listener.ts'
import { figure, Lab, until } from './roles.ts'

setDefaultTimeout(400_000)

/** `org.questdb:questdb:9.0.3` from Maven. */
const QUESTDB = process.env['OCS_QUESTDB_JAR'] ?? ''

/**
 * Records some readings of a 240, and stops; returns the folder, and the number of rows and values in its
 * files.
 */
async function recorded(lab: Lab): Promise<{ data: string; rows: number; values: number }> {
  const demo = new DemoLab(lab)
  const hub = await lab.hub()
  const listener = await Listener.open(lab)
  await demo.sim240()
  const recorder = demo.aggregator()
  await recorder.says('launching record', 30)
  const agent = demo.ls240(10)
  await listener.next(() => listener.rows.length >= 30)
  await agent.stop()
  await recorder.stop()
  await hub.stop()
  const data = lab.path('data')
  const found = await lab.run(['export', 'ls240.*', '--from', '0', '--data-dir', data])
  const [, ...lines] = found.out.trim().split('\n')
  const values = lines.flatMap((line) => line.split(',').slice(1)).filter((cell) => cell !== '')
  return { data, rows: lines.length, values: values.length }
}

const backfill = (lab: Lab, data: string, port: number) =>
  lab.run([
    'backfill',
    '--data-dir',
    data,
    '--from',
    '2026-01-01',
    '--influx',
    `http://127.0.0.1:${port}/ocs_feeds`,
  ])
const answers = (url: string) => () =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  )

test('VictoriaMetrics has each value', async () => {
  await using lab = new Lab()
  const { data, rows, values } = await recorded(lab)
  const url = 'http://127.0.0.1:8428'
  const words = ['victoria-metrics', '-storageDataPath', lab.path('vm'), '-httpListenAddr', '127.0.0.1:8428']
  lab.program('victoria-metrics', [...words, '-retentionPeriod', '100y'])
  await until('it answers', 60, answers(`${url}/health`))
  const filled = await backfill(lab, data, 8428)
  expect([filled.code, filled.out + filled.err]).toEqual([
    0,
    expect.stringContaining(`${rows} points written`),
  ])
  await fetch(`${url}/internal/force_flush`)
  const match = encodeURIComponent('{feed="temperatures"}')
  const samples = async () => {
    const lines = (await (await fetch(`${url}/api/v1/export?match[]=${match}`)).text()).trim().split('\n')
    return lines.reduce(
      (sum, line) => sum + (line ? (JSON.parse(line) as { values: [] }).values.length : 0),
      0,
    )
  }
  await until('all are there', 30, async () => (await samples()) >= values)
  expect(await samples()).toBe(values)
  figure(`VictoriaMetrics: ${rows} rows, ${values} values`)
})

test('QuestDB has each row', async () => {
  if (QUESTDB === '') throw new Error('OCS_QUESTDB_JAR has to name questdb-9.0.3.jar')
  await using lab = new Lab()
  const { data, rows } = await recorded(lab)
  const dir = lab.path('quest')
  mkdirSync(dir)
  const module = ['-Xmx512m', '-p', QUESTDB, '-m', 'io.questdb/io.questdb.ServerMain', '-d', dir]
  lab.program('questdb', ['java', ...module])
  const ask = async (query: string) => {
    const answer = await fetch(`http://127.0.0.1:9000/exec?query=${encodeURIComponent(query)}`)
    return ((await answer.json()) as { dataset?: unknown[][] }).dataset
  }
  await until('it answers', 90, answers('http://127.0.0.1:9000/exec?query=select%201'))
  const filled = await backfill(lab, data, 9000)
  expect([filled.code, filled.out + filled.err]).toEqual([
    0,
    expect.stringContaining(`${rows} points written`),
  ])
  const count = `select count() from 'observatory.ls240'`
  await until('all are there', 30, async () => Number((await ask(count))?.[0]?.[0]) >= rows)
  expect(await ask(count)).toEqual([[rows]])
  figure(`QuestDB: ${rows} rows`)
})
