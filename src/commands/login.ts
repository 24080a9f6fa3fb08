import { Command } from 'commander'
import { OpError } from '../core/errors.ts'
import { bareHost, isLoopback } from '../core/host-port.ts'
import { fetchToken, type NotFetched } from '../lab/fetch-token.ts'
import { chooseSite, type SiteOptions } from '../launch/choose-site.ts'
import { userName } from '../machine/unix-group.ts'
import {
  accountAt,
  accountIn,
  authorityFile,
  credentialsFiles,
  mayShow,
  writeAuthority,
  writeCredentials,
} from '../principals/credentials.ts'
import { fingerprintOf } from '../principals/hub-keys.ts'
import { accountName } from '../principals/local-token.ts'
import { keepInNetrc, netrcPath } from '../principals/netrc.ts'
import { shownAuthority } from '../principals/shown-authority.ts'
import { firstOf } from '../site/hub-url.ts'
import type { Context } from '../terminal/context.ts'
import { createLog } from '../terminal/log.ts'
import { readPassword } from '../terminal/secret.ts'
import { at } from '../terminal/table.ts'
import { examples } from './help.ts'
import { siteFlags } from './site-flags.ts'

/** Why there is no token. */
const WHY: Readonly<Record<NotFetched, (who: string) => string>> = {
  wrong: (who) => `does not know ${who} with this password`,
  wait: (who) =>
    `refuses for now, after wrong passwords for ${who} or too many requests: try again in a minute`,
  stranger: () => 'does not accept log-ins from here',
}

/** `ocs login`: a password once, for a token that this account shows from then on. */
export function loginCommand(context: Context): Command {
  return siteFlags(new Command('login'))
    .description('Log in to a hub: asks for your password and keeps a 30-day token for this account.')
    .argument('[name]', 'user name; the name of this account by default')
    .option(
      '--fingerprint <sha256>',
      "fingerprint of the hub's CA, as printed by ocs hub init; needed the first time",
    )
    .addHelpText('after', examples('ocs login', 'ocs login maya --site-hub=mqtts://hub.example.edu:8883'))
    .action(async (name: string | undefined, flags: SiteOptions & { fingerprint?: string }) => {
      const log = createLog(context, flags.logFormat ?? 'text')
      const { url: all, root, realm, credentials } = await chooseSite(flags, context, log)
      const url = firstOf(all)
      const who = name ?? accountName()
      if (!mayShow(url))
        throw new OpError(
          `${url} is not TLS: the password would cross the network unencrypted. Log in on the hub's machine`,
        )
      const ca = await trusted(url, flags.fingerprint, () => credentials()?.ca)
      const [file = ''] = credentialsFiles({ realm, env: context.env })
      const account = accountAt(url)
      const password = await readPassword(context, passwordOf(who, url, account, accountIn(file)))
      const fetched = await fetchToken({ url, root, ca }, who, password)
      if (typeof fetched === 'string') throw new OpError(`the hub at ${url} ${WHY[fetched](who)}`)
      const { token, until } = fetched
      const about = { ...(ca && { ca }), ...(account !== undefined && { account }) }
      writeCredentials(file, { hub: url, ...about, principal: who, token })
      context.err(`logged in as ${who} until ${at(until)} (${file})\n`)
      const authority = authorityFile({ realm, env: context.env })
      if (ca !== undefined) {
        writeAuthority(authority, ca)
        context.err(`${authority} holds the hub's CA certificate, for other programs\n`)
      }
      // On loopback another account may listen where curl would show it, and nothing has to be shown.
      const { hostname } = new URL(url)
      if (isLoopback(hostname)) return
      const netrc = netrcPath(context.env)
      const kept = keepInNetrc(netrc, bareHost(hostname), who, token)
      context.err(
        kept
          ? `${netrc} has it for programs that know only HTTP: curl -n ${ca === undefined ? '' : `--cacert ${authority} `}https://${hostname}:5000/api/metrics\n`
          : `${netrc} already has another user for ${hostname}, so it is left as it is\n`,
      )
    })
}

/**
 * The password prompt. On this machine any account can listen on the port of a hub that is down, so the prompt names
 * the account that listens.
 * @throws OpError when it is another account than at the last log-in
 */
function passwordOf(
  who: string,
  url: string,
  account: number | undefined,
  before: number | undefined,
): string {
  const own = process.getuid?.()
  if (account === undefined || account === own) return `password of ${who}`
  if (before !== undefined && before !== account)
    throw new OpError(
      `${url} is run by ${userName(account)}, not by ${userName(before)} as at the last log-in: ask who runs the hub, and if that is right, delete the credentials of that log-in`,
    )
  return `password of ${who}, for the hub that ${userName(account)} runs`
}

/**
 * The CA of a hub: from earlier credentials, else the one it presents, after its fingerprint has been compared. None
 * without TLS or for a public CA.
 * @throws OpError when the fingerprint differs or is not given
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
  const what = `the hub at ${url} presents a CA with SHA-256 ${fingerprint}`
  throw new OpError(
    given === undefined
      ? `${what}. Compare it with what ocs hub init printed there, and if it is the same: ocs login --fingerprint ${fingerprint}`
      : `${what}, not the one given: it is another hub, or someone intercepts the connection`,
  )
}
