import { Hono } from 'hono'
import { getMimeType } from 'hono/utils/mime'
import { hostPort } from '../../core/host-port.ts'
import { portError } from '../../machine/port-in-use.ts'
import type { DocsSite } from './docs-site.ts'

/**
 * Only content from this server is loaded or requested. The inline script of VitePress (dark or light) may
 * run.
 */
const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'unsafe-inline'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

export interface ServedDocs extends AsyncDisposable {
  /** Its address: `http://127.0.0.1:5080/`. */
  readonly url: string
}

/**
 * Serves the site of the docs over HTTP.
 * @param listen port 0 takes any free one
 * @throws ConfigError for a port that cannot be opened
 */
export async function serveDocs(
  { files }: DocsSite,
  listen: { readonly host: string; readonly port: number },
): Promise<ServedDocs> {
  const app = new Hono()
  app.use(async (c, next) => {
    await next()
    c.header('content-security-policy', POLICY)
    c.header('x-content-type-options', 'nosniff')
    c.header('referrer-policy', 'no-referrer')
    c.header('cache-control', 'no-cache')
  })
  app.get('*', async (c) => {
    const path = c.req.path.slice(1)
    const name = [path, `${path}index.html`, `${path}.html`].find((one) => files.has(one)) ?? '404.html'
    const found = files.get(name)
    const type = getMimeType(name) ?? 'application/octet-stream'
    const body = (await found?.arrayBuffer()) ?? new ArrayBuffer()
    return c.body(body, name === '404.html' ? 404 : 200, { 'content-type': type })
  })
  try {
    const server = Bun.serve({
      hostname: listen.host.replace(/^\[(.*)\]$/, '$1'),
      port: listen.port,
      development: false,
      reusePort: false,
      fetch: app.fetch,
    })
    return {
      url: `http://${hostPort(listen.host, server.port ?? listen.port)}/`,
      [Symbol.asyncDispose]: () => server.stop(true),
    }
  } catch (cause) {
    throw await portError(
      listen.host,
      listen.port,
      cause,
      'leave --listen out for any free port, or choose another',
    )
  }
}
