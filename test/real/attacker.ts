/**
 * Attacks a hub, from a separate machine, until it is killed: `attacker.ts KIND HOST PORT [USER TOKEN]`.
 * Prints `ready` once it is under way.
 * - `half-open`: 1,100 connections that send nothing, each reopened when it is ended;
 * - `log-ins`: TLS connections one after the other, eight at a time, each with an invalid token;
 * - `publishes`: two clients of USER that publish 20 bytes as fast as the socket accepts them.
 */
import { createConnection } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { packet } from '../../src/broker/raw-client.test-aid.ts'

const [kind = '', host = '', port = '', user = '', token = ''] = process.argv.slice(2)
const at = { host, port: Number(port) }

function halfOpen(): void {
  const socket = createConnection(at)
  socket.on('error', () => {})
  socket.once('close', () => setTimeout(halfOpen, 100))
}

function logIns(): void {
  const socket = connectTls({ ...at, rejectUnauthorized: false }, () => {
    socket.write(
      packet.connect(`x${Math.floor(1e9 * Math.random())}`, { nonce: `ocs1_ls240_${'x'.repeat(43)}` }),
    )
  })
  socket.on('error', () => {})
  socket.once('close', () => setTimeout(logIns, 1))
  socket.resume()
}

function publishes(id: string): void {
  const socket = token === '' ? createConnection(at) : connectTls({ ...at, rejectUnauthorized: false })
  const shown = token === '' ? {} : { user, nonce: token }
  socket.on('error', () => {})
  socket.write(packet.connect(id, shown))
  const channel = token === '' ? `queries/history/${id}` : 'events'
  const some = Buffer.concat(
    Array.from({ length: 500 }, () =>
      packet.publish(`observatory/${token === '' ? 'none' : id}/${channel}`, '{}'),
    ),
  )
  const more = () => {
    while (!socket.destroyed && socket.write(some));
  }
  socket.on('drain', more)
  socket.once('data', more)
}

if (kind === 'half-open') for (let n = 0; n < 1100; n++) halfOpen()
else if (kind === 'log-ins') for (let n = 0; n < 8; n++) logIns()
else for (const id of token === '' ? ['flood1', 'flood2'] : [user, `${user}-2`]) publishes(id)
process.stdout.write('ready\n')
