import { messageOf } from '../core/errors.ts'
import type { KeyPair } from '../principals/certificate.ts'
import type { Log } from '../terminal/log.ts'

/**
 * Makes a server use a replaced certificate; if the new one is invalid, that is logged and the former stays.
 */
export function showAnew(server: { renew(keys: KeyPair): void }, read: () => KeyPair, log: Log): void {
  try {
    server.renew(read())
    log('the new certificate is in use; clients that are connected stay')
  } catch (error) {
    log(`error: the old certificate stays in use: ${messageOf(error)}`)
  }
}
