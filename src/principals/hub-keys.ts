import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { ConfigError, messageOf, UsageError } from '../core/errors.ts'
import { bareHost } from '../core/host-port.ts'
import { readPrivate, replacePrivate } from '../machine/private-file.ts'
import { type KeyPair, makeAuthority, makeServer } from './certificate.ts'

/** Days before its end from which on a certificate is warned of. */
const WARN_DAYS = 30
const DAY_MS = 86_400_000

/** The files of a hub's certificate beneath its state folder: the authority's, and what clients are shown. */
export function keyFiles(state: string) {
  const file = (name: string) => join(state, 'hub', name)
  return { ca: file('ca.pem'), caKey: file('ca.key'), cert: file('server.pem'), key: file('server.key') }
}

/**
 * The certificate that `ocs hub init` has left, with its key; undefined where there is none.
 * @throws ConfigError when others may read it, or it cannot be used
 */
export function readHubKeys(state: string): KeyPair | undefined {
  const files = keyFiles(state)
  if (!existsSync(files.cert)) return undefined
  const pair = { cert: readOwn(files.cert), key: readOwn(files.key) }
  mustFit(pair, files)
  return pair
}

/** The certificate of the authority that clients of the hub of a state folder trust; undefined for a public one. */
export function readHubAuthority(state: string): string | undefined {
  return readPrivate(keyFiles(state).ca)
}

/** Whether the certificate of the hub of a state folder is for a host. @throws ConfigError for one that cannot be read */
export function isNamed(state: string, host: string): boolean {
  const file = keyFiles(state).cert
  const text = readPrivate(file)
  return text !== undefined && certificateOf(text, file).checkHost(host) !== undefined
}

/**
 * Certificate and key as somebody else has made them.
 * @throws ConfigError for files that cannot be used, and for a key that is not this account's alone
 */
export function readKeyPair({ cert, key }: KeyPair): KeyPair {
  const pair = {
    cert: readGiven(cert),
    key: readClosed(key, '--key must be the key of the certificate, PEM'),
  }
  mustFit(pair, { cert, key })
  const { validFrom, validTo } = certificateOf(pair.cert, cert)
  if (Date.parse(validTo) < Date.now())
    throw new ConfigError(`${cert} expired on ${validTo}: get a new one from its CA`)
  if (Date.parse(validFrom) > Date.now())
    throw new ConfigError(`${cert} is not valid before ${validFrom}: wait, or correct this machine's clock`)
  return pair
}

/** Host names and addresses that a certificate is for. */
export function namesIn(cert: string): string[] {
  const names = new X509Certificate(cert).subjectAltName?.split(', ') ?? []
  return names.flatMap((name) => {
    const [, address] = /^IP Address:(.*)$/.exec(name) ?? []
    if (address?.includes(':')) return bareHost(new URL(`http://[${address}]`).hostname)
    return address ?? /^DNS:(.*)$/.exec(name)?.[1] ?? []
  })
}

/** That a certificate has ended or soon will, if so. @param remedy what to do */
function endOf(cert: string, file: string, remedy: string, now: number): string[] {
  const { validTo } = new X509Certificate(cert)
  const left = Date.parse(validTo) - now
  const until = new Date(validTo).toISOString().slice(0, 10)
  if (left < 0) return [`${file} expired on ${until}, so no client can connect over TLS: ${remedy}`]
  if (left > WARN_DAYS * DAY_MS) return []
  return [`${file} expires on ${until}, in ${Math.floor(left / DAY_MS)} days: ${remedy}`]
}

/**
 * What somebody should know of the certificates of a hub: when they end, and that the hub's has no names. What helps hangs
 * on whether the hub has an authority of its own, or somebody else signs for it.
 */
export function remarksOn(state: string, cert: string, now = Date.now()): string[] {
  const file = keyFiles(state)
  const isOwn = readAuthority(state) !== undefined
  const remedy = isOwn ? 'ocs hub renew' : 'ocs hub renew --cert FILE --key FILE with the new one'
  const remarks = endOf(cert, file.cert, remedy, now)
  const authority = readHubAuthority(state)
  if (authority !== undefined) {
    const another = isOwn
      ? 'delete hub/ca.pem and hub/server.pem, and run ocs hub init'
      : 'ocs hub renew --cert FILE --key FILE --ca FILE with those of the new CA'
    remarks.push(...endOf(authority, file.ca, another, now))
  }
  if (namesIn(cert).length > 0) return remarks
  const none =
    `${file.cert} names no hosts (subjectAltName), so most clients refuse it. ` +
    (isOwn
      ? 'ocs hub renew --name HOST adds one'
      : 'openssl req -x509 adds them with -addext "subjectAltName=DNS:grumpy.lab,IP:10.0.0.7"; or ask its CA for them')
  return [...remarks, none]
}

/** What a hub is reached by: what is given, and this machine's name and addresses. */
export function namesOf(given: readonly string[]): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
  const own = addresses.map(({ address }) => address).filter((address) => !address.startsWith('fe80:'))
  const all = [...given, hostname(), 'localhost', '127.0.0.1', '::1', ...own].map(bareHost)
  const wrong = given.find((name) => !/^[\w.:-]+$/.test(bareHost(name)))
  if (wrong !== undefined)
    throw new UsageError(`--name ${JSON.stringify(wrong)}: give a host name or an IP address`)
  return [...new Set(all)]
}

/** Makes an authority and a certificate for these names, and keeps both. @throws ConfigError when they cannot be written */
export function initKeys(state: string, names: readonly string[]): void {
  const files = keyFiles(state)
  const authority = makeAuthority()
  replacePrivate(files.caKey, authority.key)
  replacePrivate(files.ca, authority.cert)
  keep(state, makeServer(authority, names))
}

/**
 * Makes another certificate by the authority that there is, for the names of the present one and further ones.
 * @throws ConfigError without an authority
 */
export function renewKeys(state: string, more: readonly string[]): void {
  const files = keyFiles(state)
  const present = readHubKeys(state)
  if (!present) throw new ConfigError(`there is no ${files.cert} yet: ocs hub init`)
  const authority = readAuthority(state)
  if (!authority)
    throw new ConfigError(`${files.cert} is signed by another CA: --cert FILE --key FILE with the new one`)
  keep(state, makeServer(authority, namesOf([...more, ...namesIn(present.cert)])))
}

/** The hub's own authority; undefined where clients trust another one, whose key is not here. */
function readAuthority(state: string): KeyPair | undefined {
  const { ca, caKey } = keyFiles(state)
  if (!existsSync(ca) || !existsSync(caKey)) return undefined
  const authority = { cert: readOwn(ca), key: readOwn(caKey) }
  // The key stays from before where a certificate of others has been taken.
  return certificateOf(authority.cert, ca).checkPrivateKey(createPrivateKey(authority.key))
    ? authority
    : undefined
}

/**
 * Keeps a certificate of another authority.
 * @param ca the authority's own certificate; when not given, the last of the chain where that has signed itself, else the
 * authority of the certificate before, else a public one
 * @param roots public authorities, PEM: those that clients trust without more
 * @returns whether clients have to be given the authority: not for a public one
 * @throws ConfigError for a chain that does not end with `ca`, or with none of these
 */
export function adoptKeys(
  state: string,
  pair: KeyPair,
  ca: string | undefined,
  // Not imported: Bun takes 8 ms for TLS, which a command over plain TCP does without.
  roots: readonly string[] = process.getBuiltinModule('node:tls').rootCertificates,
): boolean {
  const file = keyFiles(state).ca
  const chain = (pair.cert.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (text) => new X509Certificate(text),
  )
  const signed = (by: X509Certificate) => chain.some((one) => one.checkIssued(by) && one.verify(by.publicKey))
  const last = chain.at(-1)
  const before = readHubAuthority(state)
  const own = last?.verify(last.publicKey) === true ? last : undefined
  const pinned =
    ca === undefined
      ? [own, before === undefined ? undefined : certificateOf(before, file)].find(
          (one) => one && signed(one),
        )
      : certificateOf(readGiven(ca), ca)
  if (ca !== undefined && pinned && !signed(pinned))
    throw new ConfigError(`${ca} did not sign the certificate or its chain: give the CA that did`)
  if (!pinned && !roots.some((root) => signed(new X509Certificate(root))))
    throw new ConfigError(
      `the certificate is signed by ${last?.issuer.replaceAll('\n', ', ')}, which is not a public CA, and the chain does not ` +
        'end with it: give its certificate with --ca FILE',
    )
  if (pinned) replacePrivate(file, pinned.toString())
  else rmSync(file, { force: true })
  // Shown with the rest, for who logs in compares its fingerprint.
  const isShown = !pinned || chain.some((one) => one.fingerprint256 === pinned.fingerprint256)
  keep(state, isShown ? pair : { ...pair, cert: `${pair.cert.trimEnd()}\n${pinned.toString()}` })
  return pinned !== undefined
}

/** SHA-256 of an authority's certificate, by which people know it. */
export function fingerprintOf(cert: string): string {
  return new X509Certificate(cert).fingerprint256
}

/** The key first: who watches the certificate finds both. */
function keep(state: string, { cert, key }: KeyPair): void {
  const files = keyFiles(state)
  replacePrivate(files.key, key)
  replacePrivate(files.cert, cert)
}

function mustFit({ cert, key }: KeyPair, files: KeyPair): void {
  const certificate = certificateOf(cert, files.cert)
  let secret: ReturnType<typeof createPrivateKey>
  try {
    secret = createPrivateKey(key)
  } catch (cause) {
    const hint = key.includes('ENCRYPTED')
      ? 'it has a passphrase; remove it with openssl pkey'
      : messageOf(cause)
    throw new ConfigError(`${files.key} holds no usable key (PEM): ${hint}`, { cause })
  }
  if (!certificate.checkPrivateKey(secret))
    throw new ConfigError(`${files.key} is not the key of ${files.cert}: give two that belong together`)
}

function certificateOf(text: string, file: string): X509Certificate {
  try {
    return new X509Certificate(text)
  } catch (cause) {
    throw new ConfigError(`${file} holds no certificate (PEM): ${messageOf(cause)}`, { cause })
  }
}

function readGiven(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigError(`${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
}

function readOwn(file: string): string {
  return readClosed(file, 'ocs hub init')
}

/** The text of a file of this account's alone. @param advice where it would come from */
function readClosed(file: string, advice: string): string {
  const text = readPrivate(file)
  if (text !== undefined) return text
  throw new ConfigError(
    existsSync(file)
      ? `${file} belongs to another account or is readable by others: chmod 600 ${file}`
      : `there is no ${file}: ${advice}`,
  )
}
