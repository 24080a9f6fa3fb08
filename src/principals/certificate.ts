import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto'
import { isIP } from 'node:net'
import { addressBytes, bits, integer, octets, oid, sequence, set, tagged, text, time, yes } from './der.ts'

/** A certificate and its key, PEM. */
export interface KeyPair {
  readonly cert: string
  readonly key: string
}

const DAY_MS = 86_400_000
/** Days that a certificate is valid: an authority's, and a server's, which Apple's programs take no longer. */
const [CA_DAYS, SERVER_DAYS] = [3650, 825]
/** Days by which it begins sooner, for hosts whose clock is behind. */
const EARLY_DAYS = 1

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'))
/** Object identifiers of RFC 5280. */
const ids = {
  commonName: '2.5.4.3',
  subjectKey: '2.5.29.14',
  keyUsage: '2.5.29.15',
  names: '2.5.29.17',
  basic: '2.5.29.19',
  authorityKey: '2.5.29.35',
  extendedUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
}

/** An authority of its own, P-256, for 10 years: what clients of its hub trust in place of anyone else. */
export function makeAuthority(now = new Date()): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = nameOf(`ocs hub ${randomBytes(4).toString('hex')}`)
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const extensions = [
    extension(ids.basic, sequence(yes, integer(Buffer.of(0))), true),
    // keyCertSign, cRLSign
    extension(ids.keyUsage, bits(Buffer.of(0x06), 1), true),
    extension(ids.subjectKey, octets(keyIdentifier(spki))),
    extension(ids.authorityKey, sequence(tagged(0, keyIdentifier(spki)))),
  ]
  const cert = signed({ issuer: name, subject: name, spki, extensions, days: CA_DAYS, now }, privateKey)
  return { cert, key: pem(privateKey) }
}

/**
 * A server's key and certificate, P-256, for 825 days, with the authority's own certificate behind it.
 * @param names host names and IP addresses by which it is reached
 */
export function makeServer(authority: KeyPair, names: readonly string[], now = new Date()): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const by = new X509Certificate(authority.cert)
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const alternative = names.map((name) =>
    isIP(name) ? tagged(7, addressBytes(name)) : tagged(2, Buffer.from(name, 'ascii')),
  )
  const extensions = [
    extension(ids.basic, sequence(), true),
    // digitalSignature
    extension(ids.keyUsage, bits(Buffer.of(0x80), 7), true),
    extension(ids.extendedUsage, sequence(oid(ids.serverAuth))),
    extension(ids.names, sequence(...alternative)),
    extension(ids.subjectKey, octets(keyIdentifier(spki))),
    extension(
      ids.authorityKey,
      sequence(tagged(0, keyIdentifier(by.publicKey.export({ type: 'spki', format: 'der' })))),
    ),
  ]
  const [, issuer = ''] = /^CN=(.*)$/m.exec(by.subject) ?? []
  const subject = nameOf((names[0] ?? 'ocs hub').slice(0, 64))
  const about = { issuer: nameOf(issuer), subject, spki, extensions, days: SERVER_DAYS, now }
  return { cert: signed(about, createPrivateKey(authority.key)) + authority.cert, key: pem(privateKey) }
}

interface About {
  readonly issuer: Buffer
  readonly subject: Buffer
  readonly spki: Buffer
  readonly extensions: readonly Buffer[]
  readonly days: number
  readonly now: Date
}

/** A certificate as its issuer signs it, PEM (RFC 5280 §4.1). */
function signed(
  { issuer, subject, spki, extensions, days, now }: About,
  by: ReturnType<typeof createPrivateKey>,
) {
  const serial = randomBytes(16)
  // Positive, and without a zero in front.
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  const from = now.getTime() - EARLY_DAYS * DAY_MS
  const body = sequence(
    tagged(0, integer(Buffer.of(2)), true),
    integer(serial),
    ECDSA_SHA256,
    issuer,
    sequence(time(new Date(from)), time(new Date(from + days * DAY_MS))),
    subject,
    spki,
    tagged(3, sequence(...extensions), true),
  )
  const whole = sequence(body, ECDSA_SHA256, bits(sign('sha256', body, by)))
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

function nameOf(common: string): Buffer {
  return sequence(set(sequence(oid(ids.commonName), text(common))))
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [yes] : []), octets(value))
}

/** SHA-1 of the point itself, the last 65 bytes of a P-256 key (RFC 5280 §4.2.1.2): an identifier, nothing that guards. */
function keyIdentifier(spki: Buffer): Buffer {
  return createHash('sha1').update(spki.subarray(-65)).digest()
}

function pem(key: ReturnType<typeof createPrivateKey>): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}
