import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { ConfigError, messageOf, TransportError } from '../core/errors.ts'
import { type Database, httpDatabase, request } from './database.ts'
import { quoted } from './line-protocol.ts'

/** A database of InfluxDB 1.x, or a compatible one. */
export interface InfluxV1 {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly ssl: boolean
  readonly verify_ssl: boolean
  readonly gzip: boolean
}

type Env = Readonly<Record<string, string | undefined>>

/** A database that can also be queried. */
export interface InfluxDatabase extends Database {
  /** Runs a query in InfluxQL. @throws TransportError if it is not answered */
  ask(query: string, signal: AbortSignal): Promise<InfluxSeries[]>
}
type InfluxSeries = z.output<typeof Series>

const Series = z.object({ columns: z.array(z.string()), values: z.array(z.array(z.unknown())) })
const Answer = z.object({
  results: z.array(z.object({ error: z.string().optional(), series: z.array(Series).default([]) })),
})

/**
 * A destination of points; the database is created if it does not exist. @throws ConfigError if a credentials
 * file cannot be read
 */
export function influxV1(given: InfluxV1, env: Env = process.env): InfluxDatabase {
  const { host, port, database, ssl, verify_ssl: verify, gzip } = given
  const base = `${ssl ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`
  const name = `InfluxDB at ${host}:${port}`
  const headers = authorization(env)
  const db = new URLSearchParams({ db: database })
  const ask = async (q: string, signal: AbortSignal) => {
    const { status, text } = await request({ name, verify }, `${base}/query?${db}`, signal, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ q, epoch: 'ns' }).toString(),
    })
    const { data } = Answer.safeParse(jsonOf(text))
    const error = data?.results.find((result) => result.error !== undefined)?.error
    if (status !== 200 || !data || error !== undefined)
      throw new TransportError(`${name} does not answer "${q}" (HTTP ${status}): ${error ?? text}`)
    return data.results[0]?.series ?? []
  }
  const made = httpDatabase({
    ...{ name, url: `${base}/write?${db}`, metrics: `${base}/metrics`, headers, gzip, verify },
    credentials: 'INFLUXDB_USERNAME and INFLUXDB_PASSWORD',
    async create(signal) {
      await ask(`CREATE DATABASE ${quoted(database)}`, signal)
    },
  })
  return { ...made, ask }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * The credentials, from the same variables as OCS's agent: `INFLUXDB_USERNAME` and `INFLUXDB_PASSWORD`, or
 * files that hold them (`…_FILE`), else root.
 * @throws ConfigError if such a file cannot be read
 */
function authorization(env: Env): { readonly authorization: string } {
  const [user, password] = (['INFLUXDB_USERNAME', 'INFLUXDB_PASSWORD'] as const).map((name) => {
    const file = env[`${name}_FILE`]
    if (env[name] !== undefined || file === undefined) return env[name] ?? 'root'
    try {
      return readFileSync(file, 'utf8').replace(/[\r\n]+$/, '')
    } catch (cause) {
      throw new ConfigError(`${name}_FILE: ${messageOf(cause)}: name a file that can be read`, { cause })
    }
  })
  return { authorization: `Basic ${btoa(`${user}:${password}`)}` }
}
