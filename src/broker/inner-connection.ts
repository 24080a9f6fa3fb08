import { type Duplex, duplexPair } from 'node:stream'

/**
 * Both ends of a connection within this process: closing one closes the other, once all sent data has been
 * read.
 */
export function innerConnection(): readonly [server: Duplex, client: Duplex] {
  const [server, client] = duplexPair()
  server.once('close', () => {
    if (!client.destroyed) client.push(null)
    client.end()
  })
  client.once('close', () => server.destroy())
  return [server, client]
}
