import { expect, test } from 'bun:test'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { serveTcp } from './line-server.ts'
import { startModbus } from './modbus-server.ts'
import { startSnmp } from './snmp-server.ts'

const own = `in use by .+ \\(pid ${process.pid}\\): stop it, or choose another with --`
const options = { serialNumber: '1' }

test('a port of TCP that somebody has: who, and what to do', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const at = `127.0.0.1:${(server.address() as { port: number }).port}`
  try {
    await expect(serveTcp(at, 1, () => {})).rejects.toThrow(new RegExp(`${own}tcp`))
    await expect(startModbus({ readings: [] }, { ...options, tcp: at })).rejects.toThrow(
      new RegExp(`${own}tcp`),
    )
  } finally {
    server.close()
  }
})

test('a port of UDP, too', async () => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  try {
    const udp = `127.0.0.1:${socket.address().port}`
    await expect(startSnmp({ readings: [] }, { ...options, udp })).rejects.toThrow(new RegExp(`${own}udp`))
  } finally {
    socket.close()
  }
})
