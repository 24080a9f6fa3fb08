import { afterEach, expect, test } from 'bun:test'
import { createServer } from 'node:net'
import { ServerTCP } from 'modbus-serial'
import { UNHURRIED_MS } from '../../../test/turns-clock.ts'
import { OpError, TransportError } from '../../core/errors.ts'
import { openLink } from './open.ts'

const open: { close(done: () => void): void }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await new Promise<void>((resolve) => one.close(resolve))
})

/** A port that nobody listens on now: for port 0 the library's server takes 502. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const { port } = probe.address() as { port: number }
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/**
 * A device on the library's own server: register n reads 100 + n, registers from 50 on do not exist, those
 * from 70 on are behind a gateway.
 */
async function device() {
  const written: [number, number][] = []
  const port = await freePort()
  const server = new ServerTCP(
    {
      getInputRegister: (at: number) =>
        at < 50 ? 100 + at : (Promise.reject({ modbusErrorCode: at < 70 ? 2 : 11 }) as never),
      getHoldingRegister: (at: number) => 200 + at,
      getCoil: (at: number) => at % 2 === 1,
      setRegister: (at: number, value: number) => void written.push([at, value]),
    },
    { host: '127.0.0.1', port, unitID: 1 },
  )
  open.push(server as never)
  await new Promise<void>((resolve) => server.on('initialized', () => resolve()))
  return { url: `modbus://127.0.0.1:${port}/1`, written, server }
}

test('the library loads no native code', async () => {
  const child = Bun.spawn(
    [process.execPath, '-e', 'await import("modbus-serial"); console.log(Object.keys(require.cache).join())'],
    { stdout: 'pipe', stderr: 'pipe' },
  )
  const text = await new Response(child.stdout).text()
  expect(text).toContain('modbus-serial')
  expect(text).not.toContain('.node')
  expect(text).not.toContain('bindings-cpp')
})

test('registers are read and written, and an exception fails its command only', async () => {
  const { url, written } = await device()
  const link = await openLink(url, { timeout: UNHURRIED_MS })
  expect(await link.query('input 1 3')).toBe('101,102,103')
  expect(await link.query('holding 0 1')).toBe('200')
  expect(await link.query('coil 0 3')).toBe('0,1,0')
  await link.send('write 1 255')
  await link.send('write 7 1,2')
  expect(written).toEqual([
    [1, 255],
    [7, 1],
    [8, 2],
  ])
  const refused = await link.query('input 60 1').catch((error) => error)
  expect(refused).toBeInstanceOf(OpError)
  expect(refused.message).toContain('input 60 1: Modbus exception 2')
  expect(await link.query('input 2 1')).toBe('102')
  expect(link.query('read 2 1')).rejects.toThrow('is not a Modbus command')
  await link.close()
})

test('a gateway that gets no answer is no answer: the link is given up as that of a silent instrument', async () => {
  const { url } = await device()
  const link = await openLink(url, { timeout: UNHURRIED_MS })
  for (let n = 0; n < 3; n++) {
    const error = await link.query('input 70 1').catch((reason) => reason)
    expect(error).toBeInstanceOf(TransportError)
  }
  expect(link.closed.aborted).toBe(true)
})
