import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { z } from 'zod'
import type { Bus } from '../bus/bus.ts'
import { ConfigError, messageOf } from '../core/errors.ts'
import { hostPort, isLoopback, mayAsk } from './hosts.ts'
import { findNodes } from './nodes.ts'
import { page } from './page.ts'
import { QueryBody, SearchBody, simpleJson } from './simple-json.ts'

/** Bytes a request may carry; Bun answers 413 to more. */
const BODY_BYTES = 262_144
/** Seconds a connection may be quiet. */
const IDLE = 10
/** Characters from which an answer is worth compressing. */
const GZIP_FROM = 1024
const SECURITY = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' }

export interface BridgeOptions {
  readonly bus: Bus
  readonly root: string
  /** Port 0 takes any free one. */
  readonly listen: { readonly host: string; readonly port: number }
  /** Lets other machines ask, although there is neither log-in nor TLS. */
  readonly insecure?: boolean
  /** Further names by which requests may come (`Host`): of a proxy or a container network. */
  readonly hosts?: readonly string[]
  log(text: string): void
}
export interface Bridge {
  /** The data source's URL for Grafana. */
  readonly url: string
  close(): Promise<void>
}

/**
 * Serves the data nodes on a bus to Grafana over HTTP, in the SimpleJson dialect. It only reads: no request makes it
 * publish anything but queries to data nodes.
 * @throws ConfigError for a port that cannot be opened, and for an address beyond this machine without `insecure`
 */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const { bus, root, listen, insecure = false, hosts = [], log } = options
  if (!insecure && !isLoopback(listen.host)) {
    throw new ConfigError(
      `the bridge asks nobody for a password, so it does not listen on ${listen.host}: ` +
        'listen on 127.0.0.1, or say --insecure if everyone on that network may read',
    )
  }
  if (!isLoopback(listen.host))
    log(`warning: everyone who reaches ${listen.host} may read all data (--insecure)`)
  const nodes = await findNodes(bus, root, log)
  const metrics = simpleJson(nodes)
  const app = new Hono()
  let url = ''

  app.use(onlyFor({ listen: listen.host, open: insecure, names: hosts }))
  app.use(jsonOnly)
  app.get('/', async (c) => {
    if (!c.req.header('accept')?.includes('text/html')) {
      return answer(c, { service: 'ocs bridge', hub: bus.connected ? 'connected' : 'away' })
    }
    c.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
    return c.html(page(url, await metrics.list()))
  })
  app.post('/search', (c) => checked(c, SearchBody, ({ target }) => metrics.search(target)))
  app.post('/query', (c) => checked(c, QueryBody, (body) => metrics.query(body)))
  for (const path of ['/annotations', '/tag-keys', '/tag-values']) app.post(path, (c) => answer(c, []))
  app.notFound((c) => c.json({ error: `there is no ${c.req.method} ${c.req.path.slice(0, 200)}` }, 404))
  app.onError((error, c) => {
    if (error instanceof HTTPException) return c.json({ error: error.message }, error.status)
    log(`error: ${c.req.method} ${c.req.path}: ${messageOf(error)}\n${error.stack ?? ''}`)
    return c.json({ error: 'the bridge failed on this request; its log says why' }, 500)
  })

  let server: ReturnType<typeof open>
  try {
    server = open(app, listen)
  } catch (cause) {
    await nodes[Symbol.asyncDispose]()
    throw portError(listen, cause)
  }
  url = `http://${hostPort(listen.host, server.port ?? listen.port)}`
  return {
    url,
    async close() {
      await server.stop(true)
      await nodes[Symbol.asyncDispose]()
    },
  }
}

function open(app: Hono, { host, port }: BridgeOptions['listen']) {
  return Bun.serve({
    hostname: host.replace(/^\[(.*)\]$/, '$1'),
    port,
    idleTimeout: IDLE,
    maxRequestBodySize: BODY_BYTES,
    development: false,
    // Outside development Bun would share the port with another process that listens on it.
    reusePort: false,
    fetch: (request) => app.fetch(request),
  })
}

function portError({ host, port }: BridgeOptions['listen'], cause: unknown): ConfigError {
  const { code } = cause as NodeJS.ErrnoException
  const why: Record<string, string> = {
    EADDRINUSE: 'is in use: another bridge? Stop it, or choose another with --listen ADDR:PORT',
    EACCES: 'may not be opened by this user: use a port above 1023',
    EADDRNOTAVAIL: 'cannot be opened: that is no address of this machine',
  }
  const text = why[code ?? ''] ?? `can't be opened: ${messageOf(cause)}`
  return new ConfigError(`port ${port} on ${host} ${text}`, { cause })
}

function onlyFor(allowed: Parameters<typeof mayAsk>[1]): MiddlewareHandler {
  return async (c, next) => {
    if (mayAsk(c.req.header('host'), allowed)) return next()
    return c.json(
      { error: 'this host name is not one the bridge goes by: use localhost or its address' },
      403,
    )
  }
}

/** A page of another site can send a form or plain text without being asked, but not JSON. */
const jsonOnly: MiddlewareHandler = async (c, next) => {
  if (c.req.method !== 'POST' || /^application\/json *(;|$)/i.test(c.req.header('content-type') ?? '')) {
    return next()
  }
  return c.json({ error: 'send JSON (Content-Type: application/json)' }, 415)
}

/** Checks a body against its schema and answers it; 400 names what is wrong. */
async function checked<S extends z.ZodType>(
  c: Context,
  schema: S,
  act: (body: z.output<S>) => Promise<unknown>,
): Promise<Response> {
  let given: unknown
  try {
    given = JSON.parse((await c.req.text()) || '{}')
  } catch (error) {
    return c.json({ error: `the body cannot be read as JSON: ${messageOf(error)}` }, 400)
  }
  const { success, data, error } = schema.safeParse(given)
  if (success) return answer(c, await act(data))
  const faults = error.issues
    .slice(0, 5)
    .map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`)
  return c.json({ error: faults.join('; ') }, 400)
}

const compress = promisify<string, { level: number }, Buffer<ArrayBuffer>>(gzip)

/** Sends JSON, compressed for whom it may be. */
async function answer(c: Context, data: unknown): Promise<Response> {
  const text = JSON.stringify(data)
  const headers = { ...SECURITY, 'content-type': 'application/json', vary: 'accept-encoding' }
  if (text.length < GZIP_FROM || !/\bgzip\b/i.test(c.req.header('accept-encoding') ?? '')) {
    return c.body(text, 200, headers)
  }
  const packed = await compress(text, { level: constants.Z_BEST_SPEED })
  return c.body(packed, 200, { ...headers, 'content-encoding': 'gzip' })
}
