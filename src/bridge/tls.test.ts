import { expect, test } from 'bun:test'
import { MemoryHub } from '../bus/memory.ts'
import { makeAuthority, makeServer } from '../principals/certificate.ts'
import { startBridge } from './bridge.ts'

const PASSWORD = 'correct horse'
const authority = makeAuthority()
const other = makeAuthority()
const names = ['127.0.0.1']

test('over TLS the session is a cookie that no plain page can set, and another certificate is shown at once', async () => {
  const hub = new MemoryHub()
  await using bus = hub.connect('bridge')
  const people = {
    logIn: async (name: string) => ({ principal: name, token: 'x', until: 4e9, role: 'operator:1' }),
    connect: (name: string) => hub.connect(`${name}.1`),
  }
  const keys = makeServer(authority, names)
  const listen = { host: '127.0.0.1', port: 0 }
  const bridge = await startBridge({ bus, root: 'observatory', listen, people, keys, log: () => {} })
  const { url } = bridge
  expect(url).toStartWith('https://127.0.0.1:')
  const ask = (ca: string, path: string, init: RequestInit = {}) =>
    fetch(url + path, { ...init, tls: { ca }, keepalive: false })
  await expect(ask(other.cert, '/')).rejects.toThrow()
  const headers = { 'content-type': 'application/json', origin: url }
  const body = JSON.stringify({ name: 'maya', password: PASSWORD })
  const entered = await ask(authority.cert, '/page/sign-in', { method: 'POST', headers, body })
  const cookie = entered.headers.get('set-cookie') ?? ''
  expect(cookie).toMatch(
    /^__Host-ocs_session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
  )
  const me = await ask(authority.cert, '/page/me', { headers: { cookie: cookie.split(';')[0] ?? '' } })
  expect(await me.json()).toMatchObject({ user: 'maya' })
  const plain = cookie.replace('__Host-', '').split(';')[0] ?? ''
  expect(await (await ask(authority.cert, '/page/me', { headers: { cookie: plain } })).json()).toMatchObject({
    user: null,
  })

  const from = async (origin: string) => {
    const given = { cookie: cookie.split(';')[0] ?? '', 'content-type': 'application/json', origin }
    const init = { method: 'POST', headers: given, body: '{"stream":"x","metrics":[]}' }
    return (await ask(authority.cert, '/page/watch', init)).status
  }
  expect([await from(url), await from(url.replace('https', 'http'))]).toEqual([200, 403])

  const stream = await ask(authority.cert, '/page/stream')
  const reader = stream.body?.getReader()
  expect((await reader?.read())?.done).toBe(false)
  bridge.renew(makeServer(other, names))
  await expect(ask(authority.cert, '/')).rejects.toThrow()
  expect((await ask(other.cert, '/')).status).toBe(200)
  await reader?.cancel()
  await bridge.close()
})
