import { afterEach, expect, test } from 'bun:test'
import { UNHURRIED_MS } from '../../../test/turns-clock.ts'
import { OpError, TransportError } from '../../core/errors.ts'
import { openLink } from './open.ts'

let server: ReturnType<typeof Bun.serve> | undefined
afterEach(() => server?.stop(true))

function serve(answer: (request: Request) => Response | Promise<Response>): string {
  server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: answer })
  return `127.0.0.1:${server.port}`
}

test('GET and POST beneath the address, with its login', async () => {
  const heard: unknown[] = []
  const host = serve(async (request) => {
    const { method, url, headers } = request
    heard.push([method, new URL(url).pathname, await request.text(), headers.get('content-type')])
    return new Response(headers.get('authorization') ?? 'nobody')
  })
  const link = await openLink(`http://ada:se%3Acret@${host}/api`, { timeout: UNHURRIED_MS })
  expect(link.name).toBe(`http://${host}/api`)
  expect(await link.query('GET /status')).toBe(`Basic ${btoa('ada:se:cret')}`)
  await link.send('POST /set {"volts":5}')
  expect(heard).toEqual([
    ['GET', '/api/status', '', null],
    ['POST', '/api/set', '{"volts":5}', 'application/json'],
  ])
  expect(link.query('status')).rejects.toThrow('is not "GET /path"')
  await link.close()
})

test('a refusal fails its command, with what was said', async () => {
  const host = serve(() => new Response('no such page', { status: 404, statusText: 'Not Found' }))
  const link = await openLink(`http://${host}`)
  const refused = await link.query('GET /a').catch((error) => error)
  expect(refused).toBeInstanceOf(OpError)
  expect(refused.message).toBe(`http://${host}: GET /a: 404 Not Found: "no such page"`)
  expect(link.closed.aborted).toBe(false)
})

test('nobody there is told as of any other transport, and a login never is', async () => {
  const host = serve(() => new Response())
  await server?.stop(true)
  const link = await openLink(`http://ada:secret@${host}`)
  const refused = await link.query('GET /a').catch((error) => error)
  expect(refused).toBeInstanceOf(TransportError)
  expect(refused.message).toBe(
    `http://${host}: GET /a: connection refused, or no way to it: is the cable in, and the address right?`,
  )
  const stopped = openLink(`http://ada:secret@${host}`, { signal: AbortSignal.abort() })
  await expect(stopped).rejects.toThrow(`http://${host}: stopped while connecting`)
})
