import { ConfigError } from '../core/errors.ts'
import { type Database, httpDatabase } from './database.ts'

/** What names a database, as OCS's agent has it. */
const NAMES = ['INFLUXDB_V2_URL', 'INFLUXDB_V2_ORG', 'INFLUXDB_V2_BUCKET', 'INFLUXDB_V2_TOKEN'] as const

/**
 * Where points go by InfluxDB's API of version 2, by the environment that OCS's agent has.
 * @throws ConfigError when a variable is missing, or no address is in INFLUXDB_V2_URL
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
