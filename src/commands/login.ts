import { Command } from 'commander'
import { connectMqtt } from '../bus/mqtt.ts'
import { channels } from '../core/channels.ts'
import { OpError, TransportError } from '../core/errors.ts'
import { chooseSite, type SiteOptions } from '../launch/choose-site.ts'
import { credentialsFiles, mayShow, writeCredentials } from '../principals/credentials.ts'
import { accountName } from '../principals/local-token.ts'
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
    .action(async (name: string | undefined, flags: SiteOptions) => {
      const log = createLog(context, flags.logFormat ?? 'text')
      const { url, root, realm } = await chooseSite(flags, context, log)
      const who = name ?? accountName()
      if (!mayShow(url))
        throw new OpError(
          `${url} is no TLS: a password would pass the network as it is. Log in where the hub runs`,
        )
      const password = await readPassword(context, `password of ${who}`)
      const { token, until } = await fetchToken(url, root, who, password)
      const [file = ''] = credentialsFiles({ realm, env: context.env })
      writeCredentials(file, { hub: url, principal: who, token })
      context.err(`logged in as ${who} until ${new Date(until * 1000).toISOString()} (${file})\n`)
    })
}

/** @throws OpError when the hub refuses; TransportError when there is none */
async function fetchToken(url: string, root: string, name: string, password: string) {
  const client = `login-${crypto.randomUUID().slice(0, 8)}`
  const to = new URL(url)
  to.username = encodeURIComponent(name)
  to.password = encodeURIComponent(password)
  const { promise, resolve, reject } = Promise.withResolvers<{ token: string; until: number }>()
  await using bus = connectMqtt({
    url: to.href,
    client,
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
