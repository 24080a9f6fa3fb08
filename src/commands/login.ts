import { Command } from 'commander'
import { connectMqtt } from '../bus/mqtt.ts'
import { channels } from '../core/channels.ts'
import { OpError, TransportError } from '../core/errors.ts'
import { chooseSite, type SiteOptions } from '../launch/choose-site.ts'
import { credentialsFiles, mayShow, writeCredentials } from '../principals/credentials.ts'
import { fingerprintOf } from '../principals/hub-keys.ts'
import { accountName } from '../principals/local-token.ts'
import { shownAuthority } from '../principals/shown-authority.ts'
import type { Context } from '../terminal/context.ts'
import { createLog } from '../terminal/log.ts'
import { readPassword } from '../terminal/secret.ts'
import { siteFlags } from './site-flags.ts'

/** Seconds that the hub has to check a password. */
const HUB_SECONDS = 15

/** `ocs login`: a password once, for a token that this account shows from then on. */
export function loginCommand(context: Context): Command {
  return siteFlags(new Command('login'))
    .description('Log in to a hub: the password is asked for, and a token of 30 days kept for this account.')
    .argument('[name]', 'who; the name of this account when not given')
    .option(
      '--fingerprint <sha256>',
      "of the hub's authority, as ocs hub init printed it; asked for the first time",
    )
    .action(async (name: string | undefined, flags: SiteOptions & { fingerprint?: string }) => {
      const log = createLog(context, flags.logFormat ?? 'text')
      const { url, root, realm, credentials } = await chooseSite(flags, context, log)
      const who = name ?? accountName()
      if (!mayShow(url))
        throw new OpError(
          `${url} is no TLS: a password would pass the network as it is. Log in where the hub runs`,
        )
      const ca = await trusted(url, flags.fingerprint, () => credentials()?.ca)
      const password = await readPassword(context, `password of ${who}`)
      const { token, until } = await fetchToken({ url, root, ca }, who, password)
      const [file = ''] = credentialsFiles({ realm, env: context.env })
      writeCredentials(file, { hub: url, ...(ca && { ca }), principal: who, token })
      context.err(`logged in as ${who} until ${new Date(until * 1000).toISOString()} (${file})\n`)
    })
}

/** A hub, and the authority that it has to have, PEM. */
interface Hub {
  readonly url: string
  readonly root: string
  readonly ca: string | undefined
}

/**
 * The authority of a hub: that of earlier credentials, else what it shows, once somebody has compared the fingerprint. None
 * without TLS, and of a public one.
 * @throws OpError when the fingerprint is another, or not given
 */
async function trusted(url: string, given: string | undefined, before: () => string | undefined) {
  if (!/^(mqtts|wss):/.test(url)) return undefined
  const known = given === undefined ? before() : undefined
  if (known !== undefined) return known
  const shown = await shownAuthority(url)
  if (shown === undefined) return undefined
  const fingerprint = fingerprintOf(shown)
  if (given !== undefined && given.replaceAll(':', '').toUpperCase() === fingerprint.replaceAll(':', ''))
    return shown
  const what = `the hub at ${url} shows an authority of SHA-256 ${fingerprint}`
  throw new OpError(
    given === undefined
      ? `${what}. Compare it with what ocs hub init printed there, and if it is the same: ocs login --fingerprint ${fingerprint}`
      : `${what}, not the one that is given: it is not that hub, or somebody stands between`,
  )
}

/** @throws OpError when the hub refuses; TransportError when there is none */
async function fetchToken({ url, root, ca }: Hub, name: string, password: string) {
  const client = `login-${crypto.randomUUID().slice(0, 8)}`
  const to = new URL(url)
  to.username = encodeURIComponent(name)
  to.password = encodeURIComponent(password)
  const { promise, resolve, reject } = Promise.withResolvers<{ token: string; until: number }>()
  await using bus = connectMqtt({
    url: to.href,
    client,
    credentials: () => ({ principal: name, tokens: [], ca }),
    onRefused: () =>
      reject(new OpError(`the hub at ${url} knows no ${name} with this password, or is asked too often`)),
  })
  const late = setTimeout(
    () =>
      reject(
        new TransportError(
          `the hub at ${url} did not answer within ${HUB_SECONDS} s: ${bus.problem?.text ?? 'is "ocs hub" running there?'}`,
        ),
      ),
    HUB_SECONDS * 1000,
  )
  try {
    bus.subscribe(channels.login, { root, client }, resolve).catch(reject)
    return await promise
  } finally {
    clearTimeout(late)
  }
}
