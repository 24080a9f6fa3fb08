import { CONNACK } from '../core/errors.ts'
import { isLoopback } from '../core/host-port.ts'
import { systemWords } from '../core/system-words.ts'

/** Why a hub was not reached. */
export interface Unreached {
  readonly text: string
  /**
   * `away`: nothing answers as a hub; `tls`: a server answers, but TLS fails; `refused`: the hub refuses the
   * client.
   */
  readonly kind: 'away' | 'tls' | 'refused'
}

/** Error codes for a certificate of an authority that this client does not trust. */
const OTHER_AUTHORITY: ReadonlySet<unknown> = new Set([
  ...['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ...['UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CERT_SIGNATURE_FAILURE'],
])
/** By error code, of Node, BoringSSL or CONNACK. */
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
    'it and this client have no TLS version in common: 1.2 is the oldest supported',
  ),
  ...each(
    'tls',
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'EPROTO', 'ERR_SOCKET_CLOSED'],
    'that port does not speak TLS: write mqtt:// (ws://), or use the port that does, 8883 (8080)',
  ),
  ...each(
    'away',
    [CONNACK.noRoom],
    'it has no room for another client at the moment; ocs hub refused, where it runs, shows whose they are',
  ),
  ...each(
    'refused',
    [CONNACK.wrongPassword],
    'it does not know the token of this client, or no longer: ocs login, or for an agent ocs hub token INSTANCE',
  ),
  ...each(
    'refused',
    [CONNACK.notAuthorised],
    'it requires credentials: ocs login, or for an agent ocs hub token INSTANCE',
  ),
])
const OTHER_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID'

/**
 * The error of an attempt in plain words, by its code.
 * @param url of the hub
 * @param isConnected whether the hub was connected when the error came
 * @param hasAuthority whether this client has credentials that name an authority
 */
export function unreached(error: Error, url: string, isConnected: boolean, hasAuthority: boolean): Unreached {
  const { code, cert } = error as { code?: unknown; cert?: { subjectaltname?: string } }
  const known = BY_CODE.get(code)
  if (known) return known
  if (OTHER_AUTHORITY.has(code)) {
    const text = hasAuthority
      ? "its certificate is not from the CA in this client's credentials: it is another lab's hub, or it has a new " +
        'CA and new credentials are needed (ocs hub token INSTANCE, ocs login)'
      : 'its certificate is from its own CA, which this client does not know because it has no credentials: ocs login, ' +
        'or for an agent ocs hub token INSTANCE (mqtt_ca for another broker)'
    return { text, kind: 'tls' }
  }
  if (code === OTHER_NAME) {
    // Over WebSocket Bun does not give the names.
    const names = cert?.subjectaltname?.replaceAll(/DNS:|IP Address:/g, '')
    const host = new URL(url).hostname
    const text = `its certificate is not for ${host}${names ? `, but for ${names}` : ''}: use one of its names, or run ocs hub renew --name ${host} there`
    return { text, kind: 'tls' }
  }
  const away = (text: string): Unreached => ({ text, kind: 'away' })
  if (code === 'ECONNREFUSED' && isLoopback(new URL(url).hostname)) return away('connection refused')
  if (isConnected || typeof code === 'number') return away(systemWords(error) ?? error.message)
  // A TLS server on a plain port answers with something other than MQTT, or hangs up; mqtt.js's message for
  // that helps nobody.
  const isPlain = /^(mqtt|ws):/.test(url) && (code === undefined || code === 'ECONNRESET')
  const hint = isPlain ? '; where that port speaks TLS, write mqtts:// (wss://)' : ''
  return away(`${systemWords(error) ?? 'nothing there answers like a hub'}${hint}`)
}

function each(kind: Unreached['kind'], codes: readonly unknown[], text: string): [unknown, Unreached][] {
  return codes.map((code) => [code, { text, kind }])
}
