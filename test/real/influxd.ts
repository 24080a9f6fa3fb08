import { mkdirSync, writeFileSync } from 'node:fs'
import { type Lab, type Running, until } from './roles.ts'

/** The address of Debian's InfluxDB. */
export const INFLUX_URL = 'http://127.0.0.1:8086'
/** The database that the agents write to. */
export const DATABASE = 'ocs_feeds'

/**
 * Starts Debian's InfluxDB 1.6 on its usual port, with all its files in the lab's folder, and waits until it
 * answers.
 * @param address the address of this machine on which it listens
 */
export async function influxd(lab: Lab, address = '127.0.0.1'): Promise<Running> {
  const dir = lab.path('influx')
  mkdirSync(dir, { recursive: true })
  const config = lab.path('influx.toml')
  const folders = { meta: 'dir', data: 'dir' } as const
  const text = Object.entries(folders).map(([part, key]) => `[${part}]\n${key} = "${dir}/${part}"\n`)
  writeFileSync(
    config,
    `reporting-disabled = true\nbind-address = "127.0.0.1:8088"\n${text.join('')}wal-dir = "${dir}/wal"\n` +
      `[http]\nbind-address = "${address}:8086"\nlog-enabled = false\n`,
  )
  const running = lab.program('influxd', ['influxd', '-config', config])
  await until('InfluxDB answers', 60, async () => {
    if (running.end) throw new Error(`influxd has ended:\n${running.tail()}`)
    return await fetch(`${INFLUX_URL}/ping`).then(
      ({ ok }) => ok,
      () => false,
    )
  })
  return running
}

/** The first row that a query of the database finds; empty if there is none. */
export async function influxRow(query: string, database = DATABASE): Promise<readonly unknown[]> {
  return (await influxRows(query, database))[0] ?? []
}

/** All rows of the first series that a query finds; times are text, exact to the ns. */
export async function influxRows(
  query: string,
  database = DATABASE,
): Promise<readonly (readonly unknown[])[]> {
  const found = await fetch(`${INFLUX_URL}/query?${new URLSearchParams({ db: database, q: query })}`)
  const { results } = (await found.json()) as { results: { series?: { values: unknown[][] }[] }[] }
  return results[0]?.series?.[0]?.values ?? []
}
