import { afterEach, expect, test } from 'bun:test'
import { createSocket } from 'node:dgram'
import snmp from 'net-snmp'
import { UNHURRIED_MS } from '../../../test/turns-clock.ts'
import { OpError, TransportError } from '../../core/errors.ts'
import { openLink } from './open.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

const NAME = '1.3.6.1.2.1.33.1.1.1.0'
const MINUTES = '1.3.6.1.2.1.33.1.2.3.0'

/** A port that was free a moment ago: the library does not tell which one it takes. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(resolve))
  return port
}

/** An SNMP agent with a text and a number. */
async function device(community = 'public', name: string | Buffer = 'Falcon'): Promise<number> {
  const port = await freePort()
  const agent = snmp.createAgent({ port, address: '127.0.0.1' }, () => {})
  closing.push(() => agent.close())
  const access = agent.getAuthorizer()
  access.addCommunity(community)
  access.addUser({ name: 'ocs', level: snmp.SecurityLevel.noAuthNoPriv })
  const scalar = (name: string, oid: string, type: number, value: unknown) => {
    const common = { name, type: snmp.MibProviderType.Scalar, oid: oid.replace(/\.0$/, ''), scalarType: type }
    agent.registerProvider({ ...common, maxAccess: snmp.MaxAccess['read-write'] } as never)
    agent.getMib().setScalarValue(name, value as never)
  }
  scalar('name', NAME, snmp.ObjectType.OctetString, name)
  scalar('minutes', MINUTES, snmp.ObjectType.Integer, 60)
  return port
}

for (const version of [1, 2, 3])
  test(`version ${version}: values are read and set, and what is not there fails its command only`, async () => {
    const port = await device()
    const link = await openLink(`snmp://127.0.0.1:${port}?version=${version}`, { timeout: UNHURRIED_MS })
    expect(await link.query(`get ${NAME}`)).toBe('Falcon')
    expect(await link.query(`get ${MINUTES}`)).toBe('60')
    const missing = await link.query('get 1.3.6.1.2.1.33.9.9.9.0').catch((error) => error)
    expect(missing).toBeInstanceOf(OpError)
    expect(missing.message).toMatch(/get 1\.3\.6\.1\.2\.1\.33\.9\.9\.9\.0: NoSuch(Name|Object)/)
    await link.send(`set ${MINUTES} integer 30`)
    expect(await link.query(`get ${MINUTES}`)).toBe('30')
    expect(link.query('walk 1.3')).rejects.toThrow('is not "get OID"')
    await link.close()
  })

test('octets that are no text come as what they are', async () => {
  const port = await device('public', Buffer.from([0x31, 0xe2, 0x82]))
  const link = await openLink(`snmp://127.0.0.1:${port}`)
  expect(await link.query(`get ${NAME}`)).toBe('0x31e282')
  await link.close()
})

test('an agent that does not answer may have another community or version', async () => {
  const port = await device('secret')
  const link = await openLink(`snmp://127.0.0.1:${port}?community=wrong`)
  const error = await link.query(`get ${NAME}`, { timeout: 40 }).catch((reason) => reason)
  expect(error).toBeInstanceOf(TransportError)
  expect(error.message).toContain('no reply in 40 ms: is it on, and are address, community and SNMP version')
  await link.close()
})
