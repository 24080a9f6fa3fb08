import { UsageError } from '../core/errors.ts'
import { answers } from '../machine/probe.ts'
import { loggedInTo } from '../principals/credentials.ts'
import { LOCAL } from '../site/hub-url.ts'
import type { Context } from '../terminal/context.ts'
import { namesSite, type SiteOptions } from './choose-site.ts'

/**
 * The default hub of a command that names none: the one of this machine if it runs, or else the one that this
 * account has logged in to; the command prints that.
 * @param isThere whether a hub runs on this machine
 * @returns the flags, with that hub and its realm
 * @throws UsageError when the account has logged in to several
 */
export async function knownHub<T extends SiteOptions>(
  flags: T,
  { env }: Pick<Context, 'env'>,
  say: (text: string) => void,
  isThere = () => answers(LOCAL),
): Promise<T> {
  if (flags.siteHub !== undefined || namesSite(flags, env)) return flags
  const known = loggedInTo(env).filter(
    ({ realm }) => flags.siteRealm === undefined || flags.siteRealm === realm,
  )
  const [one, ...more] = known
  if (one === undefined || (await isThere())) return flags
  if (more.length > 0)
    throw new UsageError(
      `no hub runs on this machine, and you have logged in to several: choose one by --site-hub and --site-realm, of ${known.map(({ hub, realm }) => `${hub} (${realm})`).join(', ')}`,
    )
  say(`no hub runs on this machine: using ${one.hub}, which you have logged in to\n`)
  return { ...flags, siteHub: one.hub, siteRealm: one.realm }
}
