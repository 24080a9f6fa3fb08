import { afterEach, expect, test } from 'bun:test'
import { createSocket, type Socket } from 'node:dgram'
import { TransportError } from '../../core/errors.ts'
import { decimal } from '../codec.ts'
import { openLine } from './open.ts'

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close()
})

/** A device that answers each datagram. */
async function device(
  answer: (command: string) => string | undefined,
): Promise<{ port: number; heard: string[] }> {
  const heard: string[] = []
  const socket = createSocket('udp4')
  sockets.push(socket)
  socket.on('message', (bytes, from) => {
    const command = bytes.toString().trim()
    heard.push(command)
    const reply = answer(command)
    if (reply !== undefined) socket.send(reply, from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return { port: socket.address().port, heard }
}

test('a datagram is a line, with an end or without', async () => {
  const { port, heard } = await device(
    (command) => ({ 'ID?': 'ACME', 'A?': '1.5', 'B?': '2.5\r\n' })[command],
  )
  const link = await openLine(`udp://127.0.0.1:${port}`, {
    identify: { command: 'ID?', match: /^ACME$/ },
    quiet: 1,
  })
  expect(await link.read('A?', decimal.decode)).toBe(1.5)
  expect(await link.read('B?', decimal.decode)).toBe(2.5)
  expect(heard).toEqual(['ID?', 'A?', 'B?'])
  await link.close()
})

test('where nothing listens, or nobody answers, it is given up', async () => {
  const { port } = await device(() => undefined)
  const silent = openLine(`udp://127.0.0.1:${port}`, { timeout: 20, quiet: 1 })
  expect(silent).rejects.toThrow('no answer to *IDN?')
  await silent.catch(() => {})
  const [socket] = sockets.splice(0)
  await new Promise<void>((resolve) => socket?.close(resolve))
  const refused = await openLine(`udp://127.0.0.1:${port}`, { timeout: 200, quiet: 1 }).catch(
    (error) => error,
  )
  expect(refused).toBeInstanceOf(TransportError)
  expect(refused.message).toContain('nothing listens there')
})
