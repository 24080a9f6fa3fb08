import { ConfigError } from '../core/errors.ts'
import { type Database, httpDatabase } from './database.ts'

/** The variables that name a database, the same as in OCS's agent. */
const NAMES = ['INFLUXDB_V2_URL', 'INFLUXDB_V2_ORG', 'INFLUXDB_V2_BUCKET', 'INFLUXDB_V2_TOKEN'] as const

/**
 * A destination of points with version 2 of InfluxDB's API, configured by the same environment as OCS's
 * agent.
 * @throws ConfigError if a variable is missing, or INFLUXDB_V2_URL is not an address
 */
export function influxV2(
  gzip: boolean,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Database {
  const missing = NAMES.filter((name) => !env[name])
  if (missing.length > 0) throw new ConfigError(`${missing.join(', ')}: set it in the environment`)
  const [at = '', org = '', bucket = '', token = ''] = NAMES.map((name) => env[name])
  if (!/^https?:\/\//.test(at) || !URL.canParse(at))
    throw new ConfigError(`INFLUXDB_V2_URL: "${at}" is not an address: write http://HOST:PORT`)
  const { host, pathname, origin } = new URL(at)
  const query = new URLSearchParams({ org, bucket, precision: 'ns' })
  const base = `${origin}${pathname.replace(/\/$/, '')}`
  return httpDatabase({
    name: `InfluxDB at ${host}`,
    url: `${base}/api/v2/write?${query}`,
    metrics: `${base}/metrics`,
    headers: { authorization: `Token ${token}`, 'content-type': 'text/plain; charset=utf-8' },
    gzip,
    verify: !/^(false|0|no)$/i.test(env['INFLUXDB_V2_VERIFY_SSL'] ?? ''),
    credentials: 'INFLUXDB_V2_TOKEN',
  })
}
