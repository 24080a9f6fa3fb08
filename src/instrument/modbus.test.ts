import { afterEach, expect, test } from 'bun:test'
import { createServer, type Socket } from 'node:net'
import { ServerTCP } from 'modbus-serial'
import { UNHURRIED_MS } from '../../test/turns-clock.ts'
import { OpError, TransportError } from '../core/errors.ts'
import { openLink } from './open.ts'

const open: { close(done: () => void): void }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await new Promise<void>((resolve) => one.close(resolve))
})

/** A port that nobody listens on now: told 0, the library's server takes 502. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const { port } = probe.address() as { port: number }
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/** A device by the library's own server: register n reads 100 + n, registers from 50 on it has not got. */
async function device() {
  const written: [number, number][] = []
  const port = await freePort()
  const server = new ServerTCP(
    {
      getInputRegister: (at: number) =>
        at < 50 ? 100 + at : (Promise.reject({ modbusErrorCode: 2 }) as never),
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

/** A device made by hand: answers each request as `answer` says, ms later. */
async function slow(waits: number[]) {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      const request = Buffer.from(bytes as Uint8Array)
      const value = request.readUInt16BE(8)
      const reply = Buffer.concat([
        request.subarray(0, 4),
        Buffer.from([0, 5, 1, 4, 2, value >> 8, value & 255]),
      ])
      setTimeout(() => socket.destroyed || socket.write(reply), waits.shift() ?? 0)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({
    close: (done) => {
      for (const socket of sockets) socket.destroy()
      server.close(() => done())
    },
  })
  return { port: (server.address() as { port: number }).port, sockets }
}

test('a late reply is nobody else’s; a loss ends the link at once', async () => {
  const { port, sockets } = await slow([120])
  const link = await openLink(`modbus://127.0.0.1:${port}`, { timeout: UNHURRIED_MS })
  const late = await link.query('input 11 1', { timeout: 60 }).catch((error) => error)
  expect(late).toBeInstanceOf(TransportError)
  expect(late.message).toContain('input 11 1: no reply in 60 ms')
  const values = [12, 13, 14, 15, 16, 17, 18].map((at) => link.query(`input ${at} 1`))
  expect(await Promise.all(values)).toEqual(['12', '13', '14', '15', '16', '17', '18'])
  const closed = new Promise<string>((resolve) =>
    link.closed.addEventListener('abort', () => resolve(link.closed.reason.message)),
  )
  const pending = link.query('input 19 1')
  sockets[0]?.destroy()
  expect(await closed).toContain('it closed the connection')
  expect(pending).rejects.toThrow(TransportError)
})

test('a task overtakes polls that wait', async () => {
  const { port } = await slow([20])
  const order: string[] = []
  const link = await openLink(`modbus://127.0.0.1:${port}`, {
    timeout: UNHURRIED_MS,
    onExchange: (command) => order.push(command),
  })
  await Promise.all([
    link.query('input 1 1', { priority: 'poll' }),
    link.query('input 2 1', { priority: 'poll' }),
    link.query('input 3 1'),
  ])
  expect(order).toEqual(['input 1 1', 'input 3 1', 'input 2 1'])
  await link.close()
})
