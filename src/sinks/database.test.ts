import { afterEach, expect, test } from 'bun:test'
import { TransportError } from '../core/errors.ts'
import { influxAddress } from './influx-address.ts'
import { influxV1 } from './influx-v1.ts'
import { influxV2 } from './influx-v2.ts'

const never = new AbortController().signal
const servers: ReturnType<typeof Bun.serve>[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true)
})

/** A database that answers as told and keeps the requests it received. */
function answering(answer: (path: string, body: string) => Response) {
  const asked: string[] = []
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const { pathname, search } = new URL(request.url)
      const body = await request.text()
      asked.push(`${pathname}${search} ${body}`)
      return answer(pathname, body)
    },
  })
  servers.push(server)
  const place = { host: '127.0.0.1', port: Number(server.port), database: 'hk', ssl: false }
  return { asked, database: influxV1({ ...place, verify_ssl: false, gzip: false }, {}) }
}

test('a database that is not there is made, and written to', async () => {
  let isThere = false
  const { asked, database } = answering((path) => {
    if (path === '/query') isThere = true
    if (path === '/query') return Response.json({ results: [{}] })
    return new Response(null, { status: isThere ? 204 : 404 })
  })
  expect(await database.write(['m x=1 1'], never)).toBeUndefined()
  expect(asked).toEqual([
    '/write?db=hk m x=1 1\n',
    '/query?db=hk q=CREATE+DATABASE+%22hk%22&epoch=ns',
    '/write?db=hk m x=1 1\n',
  ])
})

test('where a database does not say which point it will not have, the others are written all the same', async () => {
  const held: string[] = []
  const { database } = answering((_, body) => {
    if (body.includes('bad')) return new Response('{"error":"unable to parse"}', { status: 400 })
    held.push(...body.trim().split('\n'))
    return new Response(null, { status: 204 })
  })
  const points = ['a', 'b', 'bad1', 'c', 'd', 'bad2', 'e']
  expect(await database.write(points, never)).toEqual({ points: 2, why: '{"error":"unable to parse"}' })
  expect(held.sort()).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test.each([
  [401, 'refuses access (HTTP 401): check INFLUXDB_USERNAME and INFLUXDB_PASSWORD'],
  [503, 'HTTP 503: no disk'],
  [500, 'HTTP 500: no disk'],
])('what is answered by %d is tried again, and said', async (status, text) => {
  const { database } = answering(() => new Response('no disk\n', { status }))
  const error = await database.write(['m x=1 1'], never).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(TransportError)
  expect((error as Error).message).toEndWith(text)
})

test('nobody there is said with what was tried', async () => {
  const { database } = answering(() => new Response())
  await servers.pop()?.stop(true)
  const error = await database.write(['m x=1 1'], never).catch((thrown: unknown) => thrown)
  expect((error as Error).message).toMatch(/^InfluxDB at 127\.0\.0\.1:\d+ cannot be reached: /)
})

test('the second version is named by the environment, and says what is missing of it', () => {
  const whole = { INFLUXDB_V2_URL: 'http://db:8086/', INFLUXDB_V2_ORG: 'so', INFLUXDB_V2_TOKEN: 't' }
  expect(() => influxV2(false, whole)).toThrow('INFLUXDB_V2_BUCKET: set it in the environment')
  expect(() => influxV2(false, { ...whole, INFLUXDB_V2_BUCKET: 'b', INFLUXDB_V2_URL: 'db' })).toThrow(
    'INFLUXDB_V2_URL: "db" is not an address: write http://HOST:PORT',
  )
  expect(influxV2(false, { ...whole, INFLUXDB_V2_BUCKET: 'b' }).name).toBe('InfluxDB at db:8086')
})

test('an address of a database is read; what is none is refused with an example', () => {
  expect(influxAddress('--influx', 'https://[::1]/hk')).toEqual({
    ...{ host: '::1', port: 8086, database: 'hk', ssl: true, verify_ssl: true, gzip: false },
  })
  for (const text of [
    'db',
    'http://db:8086',
    'http://db:8086/',
    'http://u:p@db/hk',
    'http://db/a/b',
    'ftp://db/hk',
  ])
    expect(() => influxAddress('--influx', text)).toThrow('such as http://localhost:8086/ocs_feeds')
})

test('a run of VictoriaMetrics goes by the second of its start, once no other can start within it', async () => {
  let [status, age] = [200, 1]
  const { database } = answering(
    () => new Response(`vm_app_start_timestamp 1796069489\nvm_app_uptime_seconds ${age}\n`, { status }),
  )
  const young = await database.life(never)
  expect(young).toStartWith('1796069489 ')
  expect(await database.life(never)).not.toBe(young)
  age = 2
  expect([await database.life(never), await database.life(never)]).toEqual(['1796069489', '1796069489'])
  status = 404
  expect(await database.life(never)).toBeUndefined()
  status = 502
  await expect(database.life(never)).rejects.toThrow('HTTP 502')
})
