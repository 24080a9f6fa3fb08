import { afterAll, beforeAll, expect, test } from 'bun:test'
import { connect as connectTcp } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import { channels } from '../core/channels.ts'
import { ConfigError } from '../core/errors.ts'
import { type KeyPair, makeAuthority, makeServer } from '../principals/certificate.ts'
import { testHub } from './hub.test-aid.ts'

const authority = makeAuthority()
const other = makeAuthority()
const names = ['localhost', '127.0.0.1']
const plain = { host: '127.0.0.1', port: 0 }
const secure = { ...plain, tls: true }
const start = (keys: KeyPair) => testHub({ keys, listen: [plain, secure], websocket: [plain, secure] })

let at: Awaited<ReturnType<typeof start>>
beforeAll(async () => {
  at = await start(makeServer(authority, names))
})
afterAll(() => at.hub.close())

const kinds = ['mqtts', 'wss'] as const
/** The address of a hub over TCP or WebSocket, with or without TLS. */
const urlOf = (kind: string, { hub } = at) => hub.listeners.find((url) => url.startsWith(`${kind}:`)) ?? ''
const portOf = (kind: string) => Number(new URL(urlOf(kind)).port)
const join = (url: string, ca?: string, client: string = crypto.randomUUID()) =>
  connectMqtt({ url, client, credentials: () => ({ principal: 'x', tokens: [], ca }) })

/** The message about a hub that is not reached. */
async function refusal(url: string, ca?: string): Promise<string> {
  await using bus = join(url, ca)
  await new Promise<void>((resolve) => {
    const poll = setInterval(() => {
      if (bus.problem === undefined) return
      clearInterval(poll)
      resolve()
    }, 5)
  })
  return bus.problem?.text ?? ''
}

test.each(kinds)('%s carries messages to who trusts its authority', async (kind) => {
  await using bus = join(urlOf(kind), authority.cert)
  await reached(bus, urlOf(kind), 60)
  const heard = Promise.withResolvers<unknown>()
  await bus.subscribe(channels.hub, { root: 'observatory' }, heard.resolve)
  expect(await heard.promise).toMatchObject({ listeners: at.hub.listeners })
})

test.each(kinds)(
  '%s: another authority, none, a name it has not, and its end are told apart',
  async (kind) => {
    expect(await refusal(urlOf(kind), other.cert)).toContain(
      "is not from the CA in this client's credentials",
    )
    expect(await refusal(urlOf(kind))).toContain('it has no credentials')
    const elsewhere = await start(makeServer(authority, ['grumpy.lab', '10.0.0.7']))
    expect(await refusal(urlOf(kind, elsewhere), authority.cert)).toMatch(
      /is not for 127.0.0.1.*: use one of its names.* ocs hub renew --name 127.0.0.1/,
    )
    await elsewhere.hub.close()
    const old = await start(makeServer(authority, names, new Date(Date.now() - 900 * 86_400_000)))
    expect(await refusal(urlOf(kind, old), authority.cert)).toContain('has expired')
    await old.hub.close()
    const early = await start(makeServer(authority, names, new Date(Date.now() + 9 * 86_400_000)))
    expect(await refusal(urlOf(kind, early), authority.cert)).toContain('is not valid yet')
    await early.hub.close()
  },
)

test.each(kinds)('%s: who waits for a hub that is not this lab’s is told at once', async (kind) => {
  await using bus = join(urlOf(kind), other.cert)
  await expect(reached(bus, urlOf(kind), 3600)).rejects.toThrow(
    "is not from the CA in this client's credentials",
  )
})

test('plain on a port of TLS, and TLS on a plain one, are told', async () => {
  for (const [kind, on] of [
    ['mqtt', 'mqtts'],
    ['ws', 'wss'],
  ] as const) {
    expect(await refusal(urlOf(on).replace(on, kind))).toContain('where that port speaks TLS, write mqtts://')
    expect(await refusal(urlOf(kind).replace(kind, on), authority.cert)).toContain('does not speak TLS')
  }
  await at.logged('it does not speak TLS, and this port does')
})

/** The result of a handshake: the version and cipher, or an error code. */
const shake = (options: ConnectionOptions, kind: (typeof kinds)[number] = 'mqtts') =>
  new Promise<string>((resolve) => {
    const socket = connectTls({ host: '127.0.0.1', port: portOf(kind), ca: authority.cert, ...options })
    socket.once('secureConnect', () => {
      resolve(`${socket.getProtocol()} ${socket.getCipher().name}`)
      socket.destroy()
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  })

test.each(kinds)('over %s TLS 1.2 with AEAD is the least that is taken', async (kind) => {
  expect(await shake({}, kind)).toStartWith('TLSv1.3 ')
  const most = { maxVersion: 'TLSv1.2' } as const
  expect(await shake(most, kind)).toMatch(/^TLSv1.2 .*(GCM|CHACHA20)/)
  for (const ciphers of ['ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES256-SHA'])
    expect(await shake({ ...most, ciphers }, kind)).toContain('ALERT')
  expect(await shake({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1' }, kind)).toBe(
    'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  )
  if (kind === 'wss') return
  await at.logged('1.2 is the oldest supported')
  await at.logged('it offers none of the ciphers supported here')
})

test('who does not shake hands is closed, and sooner when many try at a time', async () => {
  const closed = Array.from({ length: 300 }, () => {
    const socket = connectTcp(portOf('mqtts'), '127.0.0.1')
    return new Promise<void>((resolve) => socket.on('error', () => {}).once('close', () => resolve()))
  })
  await at.logged('was cut off before it was accepted: 256 newer ones there are waiting')
  await Promise.all(closed)
  await at.logged('no TLS handshake within')
  await using bus = join(urlOf('mqtts'), authority.cert)
  await reached(bus, urlOf('mqtts'), 60)
})

test.each(kinds)(
  '%s: another certificate is shown to who comes, who is there loses nothing',
  async (kind) => {
    const renewed = await start(makeServer(authority, names))
    const url = urlOf(kind, renewed)
    await using before = join(url, authority.cert)
    await reached(before, url, 60)
    const losses: boolean[] = []
    using _ = before.onConnected((connected) => losses.push(connected))
    const heard: number[] = []
    const all = Promise.withResolvers<void>()
    await using sender = join(urlOf('mqtt', renewed), undefined, 'x')
    await reached(sender, url, 60)
    await before.subscribe(channels.event, { root: 'observatory', instance: 'x' }, ({ text }) => {
      if (heard.push(Number(text)) === 200) all.resolve()
    })
    for (let i = 0; i < 200; i++) {
      if (i === 100) renewed.hub.renew(makeServer(other, names))
      const event = { time: 1, level: 'info', text: String(i), kind: 'count' } as const
      await sender.publish(channels.event, { root: 'observatory', instance: 'x' }, event)
    }
    await all.promise
    expect(heard).toEqual(Array.from({ length: 200 }, (_, i) => i))
    expect(losses).toEqual([true])
    expect(await refusal(url, authority.cert)).toContain("is not from the CA in this client's credentials")
    await using after = join(url, other.cert)
    await reached(after, url, 60)
    await renewed.hub.close()
  },
)

test('TLS takes a certificate', async () => {
  await expect(testHub({ listen: [secure] })).rejects.toThrow(ConfigError)
  await expect(testHub({ listen: [{ ...secure, host: '0.0.0.0' }], insecure: true })).rejects.toThrow(
    'ocs hub init',
  )
})
