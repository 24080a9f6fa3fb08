import { join } from 'node:path'
import { Command } from 'commander'
import { UsageError } from '../../core/errors.ts'
import { chooseSite, type SiteOptions } from '../../launch/choose-site.ts'
import { statePath } from '../../machine/state-path.ts'
import { madeCredentials, writeCredentials } from '../../principals/credentials.ts'
import {
  adoptKeys,
  fingerprintOf,
  initKeys,
  keyFiles,
  namesIn,
  namesOf,
  readHubAuthority,
  readHubKeys,
  readKeyPair,
  remarksOn,
  renewKeys,
} from '../../principals/hub-keys.ts'
import { addToken, isValid, principalsPath, readPrincipals } from '../../principals/principals-file.ts'
import { firstOf } from '../../site/hub-url.ts'
import type { Context } from '../../terminal/context.ts'
import { examples } from '../help.ts'
import { siteFlags } from '../site-flags.ts'

interface KeyFlags {
  readonly stateDir?: string
  readonly name?: string[]
  readonly cert?: string
  readonly key?: string
  readonly ca?: string
}

const OTHER_AUTHORITY =
  'The hub has a new CA. Existing credentials do not contain it: clients that are connected stay, but cannot reconnect.\n' +
  'Make new ones with ocs hub token INSTANCE; people log in again with ocs login NAME --fingerprint …\n'

/** `ocs hub init|renew`: what a hub needs before other machines reach it. */
export function keyCommands(context: Context): Command[] {
  return [
    siteFlags(withKeys(new Command('init')))
      .description('Make a certificate for this hub, and credentials for the instances of the site file.')
      .addHelpText(
        'after',
        examples('ocs hub init --site-file=lab.yaml', 'ocs hub init --name=hub.example.edu --name=10.0.0.7'),
      )
      .action(async (flags: SiteOptions & KeyFlags) => {
        const state = statePath(flags.stateDir, context.env)
        const site = await chooseSite(flags, context, () => {})
        const before = readHubKeys(state)
        if (before && (flags.name || flags.cert || flags.key))
          throw new UsageError(
            `there is a certificate already, ${keyFiles(state).cert}: ocs hub renew makes another`,
          )
        if (!before && !adopt(state, flags))
          initKeys(state, namesOf([...namesOfUrl(site.url), ...(flags.name ?? [])]))
        tell(state, context)
        const url = /^(mqtts|wss):/.test(site.url)
          ? firstOf(site.url)
          : `mqtts://${namesIn(readHubKeys(state)?.cert ?? '').find((name) => name !== 'localhost') ?? 'localhost'}:${site.ports.mqtts}`
        credentialsFor(state, { ...site, url }, context)
      }),
    withKeys(new Command('renew'))
      .description('Renew the certificate of this hub; it uses it without a restart.')
      .addHelpText('after', examples('ocs hub renew', 'ocs hub renew --name=hub.example.edu'))
      .action((flags: KeyFlags) => {
        const state = statePath(flags.stateDir, context.env)
        const before = readHubAuthority(state)
        if (!adopt(state, flags)) renewKeys(state, flags.name ?? [])
        tell(state, context)
        if (readHubAuthority(state) !== before) context.err(OTHER_AUTHORITY)
      }),
  ]
}

function withKeys(command: Command): Command {
  return command
    .option('--state-dir <folder>', 'the state folder of the hub')
    .option('--name <host>', 'another host name or address of the hub; may be repeated', repeated)
    .option('--cert <file>', 'a certificate from your own CA, PEM, with its chain')
    .option('--key <file>', 'its key, PEM, without a passphrase')
    .option('--ca <file>', 'the certificate of that CA, if the chain lacks it')
}

/** Adopts a certificate from another CA, if one is given. @throws UsageError for half of a pair; ConfigError for unusable files */
function adopt(state: string, { cert, key, ca, name }: KeyFlags): boolean {
  if (cert === undefined && key === undefined && ca === undefined) return false
  if (cert === undefined || key === undefined)
    throw new UsageError('--cert and --key belong together: give both')
  if (name !== undefined) throw new UsageError('--name: the names are those of the certificate in --cert')
  adoptKeys(state, readKeyPair({ cert, key }), ca)
  return true
}

/** Prints what clients will see. */
function tell(state: string, { out, err }: Context): void {
  const { cert } = keyFiles(state)
  const pair = readHubKeys(state)
  const authority = readHubAuthority(state)
  out(`certificate: ${cert}\nnames: ${namesIn(pair?.cert ?? '').join(', ') || 'none'}\n`)
  out(authority ? `authority: SHA-256 ${fingerprintOf(authority)}\n` : 'CA: a public one\n')
  for (const remark of pair ? remarksOn(state, pair.cert) : []) err(`${remark}\n`)
}

/** Makes credentials for the instances of a site that have none yet, each a file to be copied to where it runs. */
function credentialsFor(
  state: string,
  { site, url, recorders = [] }: Pick<Awaited<ReturnType<typeof chooseSite>>, 'site' | 'url' | 'recorders'>,
  { out, err }: Context,
): void {
  if (!site) {
    err('no site file is given, so no credentials were made: make them with ocs hub token INSTANCE\n')
    return
  }
  const file = principalsPath(state)
  const ca = readHubAuthority(state)
  const folder = join(state, 'hub', 'credentials')
  for (const { instance_id: name, faults } of [...site.hosts.values()].flatMap(
    ({ instances }) => instances,
  )) {
    const known = readPrincipals(file)
    if (faults.length > 0 || (Object.hasOwn(known, name) && known[name]?.tokens.some(isValid))) continue
    const token = addToken(file, name, recorders.includes(name) ? 'recorder' : 'agent')
    writeCredentials(join(folder, `${name}.json`), madeCredentials(url, { principal: name, token, ca }))
  }
  out(`credentials: ${folder}\n`)
  err(
    `Copy INSTANCE.json to where an instance runs on another account or host, as ~/.config/ocs/credentials/REALM.INSTANCE, or name it\n` +
      `in OCS_CREDENTIALS, and delete it here. Its site file has mqtt_server: ${url}\n`,
  )
}

/** The host of a hub's address, unless it is loopback. */
function namesOfUrl(url: string): string[] {
  const { protocol, hostname } = new URL(firstOf(url))
  return /^(mqtts|wss):$/.test(protocol) ? [hostname] : []
}

function repeated(name: string, before: string[] = []): string[] {
  return [...before, name]
}
