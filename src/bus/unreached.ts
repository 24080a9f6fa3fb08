import { CONNACK } from '../core/errors.ts'
import { isLoopback } from '../core/host-port.ts'
import { systemWords } from '../core/system-words.ts'

/** Why a hub was not reached. */
export interface Unreached {
  readonly text: string
  /** `away`: nobody answers as a hub; `tls`: somebody does, but not as is wanted; `refused`: the hub, saying no. */
  readonly kind: 'away' | 'tls' | 'refused'
}

/** Codes of certificates by an authority that this client does not trust. */
const OTHER_AUTHORITY: ReadonlySet<unknown> = new Set([
  ...['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ...['UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CERT_SIGNATURE_FAILURE'],
])
/** By the code of an error, of Node, of BoringSSL, of CONNACK. */
const BY_CODE: ReadonlyMap<unknown, Unreached> = new Map<unknown, Unreached>([
  ...each(
    'tls',
    ['CERT_HAS_EXPIRED'],
    'its certificate has expired, or the clock here is ahead: ocs hub renew there',
  ),
  ...each('tls', ['CERT_NOT_YET_VALID'], 'its certificate is not valid yet: is the clock here behind?'),
  ...each(
    'tls',
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'ERR_SSL_UNSUPPORTED_PROTOCOL'],
    'it and this client share no version of TLS: 1.2 is the oldest that is taken',
  ),
  ...each(
    'tls',
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'EPROTO', 'ERR_SOCKET_CLOSED'],
    'that port does not speak TLS: write mqtt:// (ws://), or name the port that does, 8883 (8080)',
  ),
  ...each(
    'away',
    [CONNACK.noRoom],
    'it has no room for another client just now; ocs hub refused, where it runs, says whose they are',
  ),
  ...each(
    'refused',
    [CONNACK.wrongPassword],
    'it does not, or no longer, know the token that is shown: ocs login, or for an agent ocs hub token INSTANCE',
  ),
  ...each(
    'refused',
    [CONNACK.notAuthorised],
    'it takes credentials: ocs login, or for an agent ocs hub token INSTANCE',
  ),
])
const OTHER_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID'

/**
 * An error of an attempt in plain words, by its code.
 * @param url of the hub
 * @param isConnected whether it was reached when it came
 * @param hasAuthority whether this client has credentials that name an authority
 */
export function unreached(error: Error, url: string, isConnected: boolean, hasAuthority: boolean): Unreached {
  const { code, cert } = error as { code?: unknown; cert?: { subjectaltname?: string } }
  const known = BY_CODE.get(code)
  if (known) return known
  if (OTHER_AUTHORITY.has(code)) {
    const text = hasAuthority
      ? "its certificate is by another authority than this client's credentials name: it is not this lab's hub, or has a new " +
        'authority, and the credentials have to be made anew (ocs hub token INSTANCE, ocs login)'
      : 'its certificate is by an authority of its own, which this client does not know, since it has no credentials here: ocs login, ' +
        'or for an agent ocs hub token INSTANCE (mqtt_ca for a broker of others)'
    return { text, kind: 'tls' }
  }
  if (code === OTHER_NAME) {
    // Over WebSocket Bun does not say which.
    const names = cert?.subjectaltname?.replaceAll(/DNS:|IP Address:/g, '')
    const host = new URL(url).hostname
    const text = `its certificate is not for ${host}${names ? `, but for ${names}` : ''}: use a name that it has, or there ocs hub renew --name ${host}`
    return { text, kind: 'tls' }
  }
  const away = (text: string): Unreached => ({ text, kind: 'away' })
  if (code === 'ECONNREFUSED' && isLoopback(new URL(url).hostname)) return away('connection refused')
  if (isConnected || typeof code === 'number') return away(systemWords(error) ?? error.message)
  // TLS on a plain port answers with what is no MQTT, or hangs up; what mqtt.js says of that is of no use to anybody.
  const isPlain = /^(mqtt|ws):/.test(url) && (code === undefined || code === 'ECONNRESET')
  const hint = isPlain ? '; where that port speaks TLS, write mqtts:// (wss://)' : ''
  return away(`${systemWords(error) ?? 'nothing there answers as a hub does'}${hint}`)
}

function each(kind: Unreached['kind'], codes: readonly unknown[], text: string): [unknown, Unreached][] {
  return codes.map((code) => [code, { text, kind }])
}
