import { X509Certificate } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { ConfigError, messageOf } from '../core/errors.ts'
import { bareHost, isLoopback } from '../core/host-port.ts'
import { Name } from '../core/names.ts'
import { listenerOf, listeners } from '../machine/listeners.ts'
import { readPrivate, replacePrivate } from '../machine/private-file.ts'
import { ownStatePath, statePath } from '../machine/state-path.ts'
import { isNamed, readHubAuthority } from './hub-keys.ts'
import { accountName, knownLocalTokens } from './local-token.ts'
import { knownOperatorsToken } from './operators-token.ts'
import { OPERATORS } from './principal.ts'
import { holderOf } from './token.ts'

type Env = Readonly<Record<string, string | undefined>>

/** The file that is copied to where a client runs, JSON: what shows a hub who it is. */
const CredentialsFile = z.strictObject({
  /** Address of the hub that it is for. */
  hub: z.string(),
  /** The certificate of the authority that the hub's own is signed by, PEM. */
  ca: z.string().optional(),
  principal: Name,
  token: z.string().refine((text) => holderOf(text) !== undefined, 'no token of a hub'),
  /** Number of the account that ran the hub, of one without TLS on this machine: to no other it is shown. */
  account: z.int().min(0).optional(),
})
export type CredentialsFile = z.output<typeof CredentialsFile>

/** What a client shows its hub. */
export interface Credentials {
  /** None of a client that only has an authority to trust. */
  readonly principal?: string
  /** One of them does. */
  readonly tokens: readonly string[]
  /** For a broker of others, in place of tokens. */
  readonly password?: string
  readonly ca?: string | undefined
}

/** User, password and authority of a broker of others; the files are read each time. */
interface BrokerKeys {
  readonly user?: string | undefined
  readonly passwordFile?: string | undefined
  readonly ca?: string | undefined
}
/** What decides which credentials a client has. */
export interface Asking {
  /** The hub's address. */
  readonly url: string
  readonly realm: string
  /** Of an agent, which may have credentials of its own. */
  readonly instance?: string | undefined
  /** `--state-dir`, where the local token may be. */
  readonly stateDir?: string | undefined
  /** The file that the site file names. */
  readonly file?: string | undefined
  /** What the site file says of a broker that is no `ocs hub`. */
  readonly broker?: BrokerKeys | undefined
  readonly env: Env
}

/**
 * What a client shows its hub: what the site file says of a broker of others, else the file that `OCS_CREDENTIALS` or the site file names, else the local token where the hub is
 * this account's own, else what `ocs login` or an administrator has put into the folder of credentials, else what members of the operators' group may
 * read. Nothing is shown
 * to a hub elsewhere without TLS, nor the local token to what another account runs, unless its certificate is by this
 * account's own authority.
 * @throws ConfigError for a file that cannot be used
 */
export function findCredentials(asking: Asking): Credentials | undefined {
  const { url, broker } = asking
  const shown = broker && brokerCredentials(url, broker)
  if (shown?.password !== undefined) return shown
  const found = findTokens(asking)
  return shown?.ca === undefined ? found : { tokens: [], ...found, ca: shown.ca }
}

/**
 * What is shown to a broker of others: no token of this lab's.
 * @throws ConfigError for a file that cannot be used, and for a password that would pass the network as it is
 */
export function brokerCredentials(url: string, { user, passwordFile, ca: file }: BrokerKeys): Credentials {
  const ca = file === undefined ? undefined : readAuthority(file)
  if (user === undefined || passwordFile === undefined) return { tokens: [], ca }
  if (!mayShow(url))
    throw new ConfigError(
      `${url}: the password would cross the network unencrypted: write mqtts://, with mqtt_ca`,
    )
  return { principal: user, tokens: [], password: readPassword(passwordFile), ca }
}

function findTokens(asking: Asking): Credentials | undefined {
  const { url, env } = asking
  if (!mayShow(url)) return undefined
  const to = URL.parse(url)
  const local = isLoopback(bareHost(to?.hostname ?? ''))
  const named = env['OCS_CREDENTIALS'] || asking.file
  if (named) return mayListen(named, to) ? readCredentials(named) : undefined
  const states = [statePath(asking.stateDir, env), ownStatePath(env)]
  const tokens = local ? knownLocalTokens(states) : []
  if (tokens.length > 0 && listenerOf(portOf(to)) === process.getuid?.()) {
    const own = isTls(to) ? ownHub(states, to) : { principal: accountName(), tokens }
    if (own) return own
  }
  const found = credentialsFiles(asking).find((file) => existsSync(file))
  if (found !== undefined) return mayListen(found, to) ? readCredentials(found) : undefined
  if (!local) return ownHub(states, to)
  const operators = knownOperatorsToken(portOf(to))
  return operators === undefined ? undefined : { principal: OPERATORS, tokens: [operators] }
}

/**
 * What is shown over TLS to a hub of this account that has another address than loopback: nobody else has a certificate of
 * the authority that the account made for it, nor one of a public authority for the names in its own.
 */
function ownHub(states: readonly string[], to: URL | null): Credentials | undefined {
  for (const state of new Set(states)) {
    const ca = readHubAuthority(state)
    const tokens = knownLocalTokens([state])
    const isOwn = ca !== undefined || isNamed(state, bareHost(to?.hostname ?? ''))
    if (isOwn && tokens.length > 0) return { principal: accountName(), tokens, ca }
  }
  return undefined
}

/**
 * The account that runs what listens where a hub is, without TLS on this machine; undefined for another hub, and where the
 * system does not tell. @throws ConfigError where several accounts listen on the port: any of them may get what is shown
 */
export function accountAt(url: string): number | undefined {
  const to = URL.parse(url)
  if (isTls(to) || !isLoopback(bareHost(to?.hostname ?? ''))) return undefined
  const account = listenerOf(portOf(to))
  if (account === undefined && listeners('self').some(({ port }) => port === portOf(to)))
    throw new ConfigError(
      `${url}: several accounts of this machine listen on that port, so no credentials are sent to any`,
    )
  return account
}

/** The account that a file of credentials is for. */
export function accountIn(file: string): number | undefined {
  try {
    return CredentialsFile.parse(JSON.parse(readPrivate(file) ?? '')).account
  } catch {
    return undefined // The one who reads it for its token is told.
  }
}

/** Whether what a file holds may be shown there: to the account it is for, or to a tunnel of this one. */
function mayListen(file: string, to: URL | null): boolean {
  const account = isTls(to) || !isLoopback(bareHost(to?.hostname ?? '')) ? undefined : accountIn(file)
  return account === undefined || [account, process.getuid?.()].includes(listenerOf(portOf(to)) ?? -1)
}

/** Whether secrets may be shown to a hub: on this machine, or over TLS. */
export function mayShow(url: string): boolean {
  const to = URL.parse(url)
  return isLoopback(bareHost(to?.hostname ?? '')) || isTls(to)
}

function isTls(url: URL | null): boolean {
  return url?.protocol === 'mqtts:' || url?.protocol === 'wss:'
}

/**
 * Credentials that the account of a hub makes. Where the hub is reached without TLS on this machine, they are shown to no other account
 * than this one: another may take the port while the hub is away.
 */
export function madeCredentials(
  hub: string,
  { principal, token, ca }: { principal: string; token: string; ca: string | undefined },
): CredentialsFile {
  const to = URL.parse(hub)
  const account = isTls(to) || !isLoopback(bareHost(to?.hostname ?? '')) ? undefined : process.getuid?.()
  return { hub, ...(ca && { ca }), principal, token, ...(account !== undefined && { account }) }
}

/** A file of credentials as it is copied. */
export function credentialsText(credentials: CredentialsFile): string {
  return `${JSON.stringify(credentials, null, 2)}\n`
}

/** Writes a file of credentials, for this account alone. @throws ConfigError when it cannot be written */
export function writeCredentials(file: string, credentials: CredentialsFile): void {
  write(file, credentialsText(credentials))
}

/** Writes a token alone, as other programs take it. @throws ConfigError when it cannot be written */
export function writeToken(file: string, token: string): void {
  write(file, `${token}\n`)
}

/** Writes an authority's certificate alone, as other programs take it. @throws ConfigError when it cannot be written */
export function writeAuthority(file: string, ca: string): void {
  write(file, `${ca.trimEnd()}\n`)
}

function write(file: string, text: string): void {
  try {
    replacePrivate(file, text)
  } catch (cause) {
    throw new ConfigError(`${file} cannot be written: ${messageOf(cause)}`, { cause })
  }
}

/** Where credentials of a realm are looked for: the instance's, then those for all. */
export function credentialsFiles({ realm, instance, env }: Omit<Asking, 'url'>): string[] {
  const name = encodeURIComponent(realm)
  const names = [...(instance === undefined ? [] : [`${name}.${instance}`]), name]
  return names.map((file) => join(configFolder(env), 'credentials', file))
}

/** The hubs that this account has logged in to, by what `ocs login` keeps of each realm; a file that cannot be used is passed over. */
export function loggedInTo(env: Env): { readonly hub: string; readonly realm: string }[] {
  const folder = join(configFolder(env), 'credentials')
  const files = existsSync(folder) ? readdirSync(folder).sort() : []
  return files.flatMap((name) => {
    try {
      // With a dot they are an instance's.
      if (name.includes('.')) return []
      const { hub } = CredentialsFile.parse(JSON.parse(readPrivate(join(folder, name)) ?? ''))
      return [{ hub, realm: decodeURIComponent(name) }]
    } catch {
      return []
    }
  })
}

/** Where `ocs login` leaves the authority of a realm's hub, for programs that are no ocs. */
export function authorityFile({ realm, env }: Pick<Asking, 'realm' | 'env'>): string {
  return join(configFolder(env), `${encodeURIComponent(realm)}.ca.pem`)
}

function configFolder(env: Env): string {
  return join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'ocs')
}

/** @throws ConfigError for a file that is not there, that others may read, or that is empty */
function readPassword(file: string): string {
  const password = readPrivate(file)?.split('\n')[0]
  if (password) return password
  throw new ConfigError(
    `mqtt_password_file: ${file} is missing, empty, another account's or readable by others: chmod 600 ${file}`,
  )
}

/** @throws ConfigError for a file that is none */
function readAuthority(file: string): string {
  try {
    return new X509Certificate(readFileSync(file)).toString()
  } catch (cause) {
    throw new ConfigError(`mqtt_ca: ${file} holds no certificate (PEM): ${messageOf(cause)}`, { cause })
  }
}

/** @throws ConfigError for a file that is not there, that others may read, or that is none */
function readCredentials(file: string): Credentials {
  const advice = 'get new ones from the hub: ocs hub token INSTANCE, or ocs login'
  if (!existsSync(file)) throw new ConfigError(`there is no ${file}: ${advice}`)
  const text = readPrivate(file)
  if (text === undefined)
    throw new ConfigError(`${file} belongs to another account or is readable by others: chmod 600 ${file}`)
  try {
    const { principal, token, ca } = CredentialsFile.parse(JSON.parse(text))
    return { principal, tokens: [token], ca }
  } catch (cause) {
    const why = cause instanceof z.ZodError ? cause.issues[0]?.message : messageOf(cause)
    throw new ConfigError(`${file} holds no credentials (${why}): ${advice}`, { cause })
  }
}

/** Ports by scheme, where an address names none. */
const PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'ws:': 80, 'mqtts:': 8883, 'wss:': 443 }

/** The port of an address, or that of its scheme. */
export function portOf(url: URL | null): number {
  return Number(url?.port || PORTS[url?.protocol ?? ''])
}
