import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { connect, type DetailedPeerCertificate } from 'node:tls'
import { TransportError } from '../core/errors.ts'
import { bareHost } from '../core/host-port.ts'
import { portOf } from './credentials.ts'

/** Milliseconds that a hub has to show its certificate. */
const SHOW_MS = 5000

/**
 * The authority at the end of the chain that a hub shows, PEM, which nobody has vouched for yet; undefined where it is a public
 * one, which Bun knows.
 * @throws TransportError when nothing there speaks TLS
 */
export function shownAuthority(url: string): Promise<string | undefined> {
  const to = new URL(url)
  const host = bareHost(to.hostname)
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: Error) =>
      reject(new TransportError(`the hub at ${url} presents no certificate: ${why}`, { cause }))
    // Nothing is sent to it, and what it shows is trusted by nobody but who compares the fingerprint.
    const name = isIP(host) ? {} : { servername: host }
    const socket = connect({ host, port: portOf(to), ...name, rejectUnauthorized: false }, () => {
      const last = lastOf(socket.getPeerCertificate(true))
      resolve(socket.authorized ? undefined : new X509Certificate(last.raw).toString())
      socket.destroy()
    })
    socket.setTimeout(SHOW_MS, () => socket.destroy(new Error(`nothing within ${SHOW_MS / 1000} s`)))
    socket.once('error', (error) => fail(error.message, error))
    socket.once('close', () => fail('it closed the connection'))
  })
}

function lastOf(shown: DetailedPeerCertificate): DetailedPeerCertificate {
  const { issuerCertificate: by } = shown
  return by && by.fingerprint256 !== shown.fingerprint256 ? lastOf(by) : shown
}
