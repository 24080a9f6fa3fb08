import { mkdirSync } from 'node:fs'
import type { ExpectedField } from '../../src/sinks/recorded-feeds.ts'
import { influxd, influxRow } from './influxd.ts'
import { type Lab, type Running, until } from './roles.ts'

/** `org.questdb:questdb:9.0.3` from Maven. */
const QUESTDB = process.env['OCS_QUESTDB_JAR'] ?? ''

/** A database that speaks InfluxDB's line protocol, run in a lab. */
export interface RealDatabase {
  readonly name: string
  readonly port: number
  /** Starts it, with its previous data, and waits until it answers. */
  start(lab: Lab): Promise<Running>
  /** Makes its tables recognize repeated points, if that must be configured once they exist. */
  settle?(): Promise<void>
  /** The number of its values of a field; 0 for a field that it cannot hold. */
  count(field: ExpectedField): Promise<number>
  /** Whether it can hold texts. */
  readonly texts: boolean
}

/** Waits until an address answers. */
async function answering(running: Running, url: string): Promise<Running> {
  await until(`${running.name} answers`, 120, async () => {
    if (running.end) throw new Error(`${running.name} has ended:\n${running.tail()}`)
    return await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    )
  })
  return running
}

export const influx: RealDatabase = {
  name: 'InfluxDB',
  port: 8086,
  texts: true,
  start: (lab) => influxd(lab),
  async count({ measurement, tags, field }) {
    const where = Object.entries(tags).map(([tag, value]) => `"${tag}" = '${value}'`)
    const query = `SELECT COUNT("${field}") FROM "${measurement}" WHERE ${where.join(' AND ')}`
    return Number((await influxRow(query))[1] ?? 0)
  },
}

export const victoria: RealDatabase = {
  name: 'VictoriaMetrics',
  port: 8428,
  texts: false,
  async start(lab) {
    const words = [
      '-storageDataPath',
      lab.path('vm'),
      '-httpListenAddr',
      '127.0.0.1:8428',
      '-retentionPeriod',
    ]
    const command = ['victoria-metrics', ...words, '100y', '-dedup.minScrapeInterval=1ms']
    return await answering(lab.program('victoria-metrics', command), 'http://127.0.0.1:8428/health')
  },
  async count({ measurement, tags, field }) {
    await fetch('http://127.0.0.1:8428/internal/force_flush')
    const labels = Object.entries({ __name__: `${measurement}_${field}`, ...tags })
    const match = `{${labels.map(([name, value]) => `${name}="${value}"`).join()}}`
    const found = await fetch(`http://127.0.0.1:8428/api/v1/export?match[]=${encodeURIComponent(match)}`)
    const lines = (await found.text()).trim().split('\n').filter(Boolean)
    return lines.reduce((sum, line) => sum + (JSON.parse(line) as { values: [] }).values.length, 0)
  },
}

/** Queries QuestDB. */
async function quest(query: string): Promise<unknown[][]> {
  const answer = await fetch(`http://127.0.0.1:9000/exec?query=${encodeURIComponent(query)}`)
  return ((await answer.json()) as { dataset?: unknown[][] }).dataset ?? []
}

export const questdb: RealDatabase = {
  name: 'QuestDB',
  port: 9000,
  texts: true,
  async start(lab) {
    if (QUESTDB === '') throw new Error('OCS_QUESTDB_JAR has to name questdb-9.0.3.jar')
    const dir = lab.path('quest')
    mkdirSync(dir, { recursive: true })
    const module = ['-Xmx512m', '-p', QUESTDB, '-m', 'io.questdb/io.questdb.ServerMain', '-d', dir]
    return await answering(
      lab.program('questdb', ['java', ...module]),
      'http://127.0.0.1:9000/exec?query=select%201',
    )
  },
  async settle() {
    for (const [table] of await quest('select table_name from tables()')) {
      const columns = await quest(`select "column" from table_columns('${table}') where type = 'SYMBOL'`)
      const keys = ['timestamp', ...columns.map(([name]) => `"${name}"`)]
      await quest(`alter table '${table}' dedup enable upsert keys(${keys.join()})`)
    }
  },
  async count({ measurement, tags, field }) {
    const where = Object.entries(tags).map(([tag, value]) => `"${tag}" = '${value}'`)
    const from = `from '${measurement}' where ${where.join(' and ')}`
    // A boolean always has a value there, so it cannot be counted.
    const isBoolean = `select "column" from table_columns('${measurement}') where type = 'BOOLEAN' and "column" = '${field}'`
    const counted = (await quest(isBoolean)).length > 0 ? '' : `"${field}"`
    return Number((await quest(`select count(${counted}) ${from}`))[0]?.[0] ?? 0)
  },
}
