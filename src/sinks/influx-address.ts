import { UsageError } from '../core/errors.ts'
import type { InfluxV1 } from './influx-v1.ts'

/**
 * A database of InfluxDB 1.x as commands name it: `http://HOST:PORT/DATABASE`. Credentials are in the
 * environment, as for the agent.
 * @throws UsageError for an invalid address
 */
export function influxAddress(flag: string, text: string): InfluxV1 {
  const url = /^https?:\/\//.test(text) && URL.canParse(text) ? new URL(text) : undefined
  const database = decodeURIComponent(url?.pathname.slice(1) ?? '')
  if (url?.username !== '' || url.search !== '' || !/^[^/]+$/.test(database))
    throw new UsageError(
      `${flag} "${text}" is not a database: write http://HOST:PORT/DATABASE, such as http://localhost:8086/ocs_feeds; INFLUXDB_USERNAME and INFLUXDB_PASSWORD hold the account`,
    )
  const ssl = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = url.port === '' ? 8086 : Number(url.port)
  return { host, port, database, ssl, verify_ssl: ssl, gzip: false }
}
