import { Command, InvalidArgumentError, Option } from 'commander'
import { formerUsers, MOVED } from '../bridge/access/former-users.ts'
import { hubPeople } from '../bridge/access/hub-people.ts'
import { startBridge } from '../bridge/bridge.ts'
import { connectMqtt } from '../bus/mqtt.ts'
import { UsageError } from '../core/errors.ts'
import { isLoopback } from '../core/host-port.ts'
import { aborted } from '../core/pause.ts'
import { onFileChange } from '../host/file-change.ts'
import { chooseSite, type SiteOptions } from '../launch/choose-site.ts'
import { connectSites } from '../launch/connect-sites.ts'
import { expectedOf } from '../launch/declared-instances.ts'
import { sayConnections } from '../launch/role.ts'
import { showAnew } from '../launch/show-anew.ts'
import { ownStatePath, statePath } from '../machine/state-path.ts'
import { readKeyPair } from '../principals/hub-keys.ts'
import { type KeySource, ownHubKeys } from '../principals/own-hub-keys.ts'
import type { Context } from '../terminal/context.ts'
import { createLog } from '../terminal/log.ts'
import { examples } from './help.ts'
import { address, type Listen } from './listen-flags.ts'
import { siteFlags } from './site-flags.ts'

interface BridgeFlags extends SiteOptions {
  readonly listen?: Listen
  readonly cert?: string
  readonly key?: string
  readonly insecure?: boolean
  readonly users?: string
  readonly grafana?: string
  readonly host?: string[]
}

/** `ocs bridge`: what Grafana and browsers ask. */
export function bridgeCommand(context: Context): Command {
  const command = new Command('bridge')
    .description('Serve live data to Grafana and browsers over HTTP.')
    .enablePositionalOptions()
    .allowExcessArguments(false)
    .addCommand(
      new Command('passwd')
        .allowUnknownOption()
        .argument('[words...]')
        .action(() => {
          throw new UsageError(MOVED)
        }),
      { hidden: true },
    )
  return siteFlags(command)
    .option('--listen <addr:port>', 'where to serve HTTP (127.0.0.1:5000)', address)
    .option(
      '--host <name>',
      'another host name for it, such as that of a container or proxy; may be repeated',
      names,
    )
    .option('--cert <file>', "serve HTTPS with this certificate, PEM, in place of the hub's on this machine")
    .option('--key <file>', 'its key, PEM')
    .option('--insecure', 'listen on the network over plain HTTP: anyone who reaches it can read')
    .addOption(new Option('--users <file>').hideHelp())
    .option('--grafana <url>', 'the address of Grafana, for a link on the live page', webAddress)
    .addHelpText(
      'after',
      examples('ocs bridge', 'ocs bridge --listen=0.0.0.0:5000 --grafana=http://127.0.0.1:3000'),
    )
    .action(async (flags: BridgeFlags) => {
      const log = createLog(context, flags.logFormat ?? 'text')
      if (flags.users !== undefined) throw new UsageError(`--users: ${MOVED}`)
      const { root, url, credentials, site } = await chooseSite(flags, context, log)
      const listen = flags.listen ?? { host: '127.0.0.1', port: 5000 }
      const { insecure, grafana } = flags
      const former = formerUsers(statePath(undefined, context.env))
      if (former !== undefined) log(`warning: ${former}`)
      const files = keysOf(flags, listen, context)
      let expected = await expectedOf(site, context.env)
      using _site =
        site &&
        onFileChange(
          () => [site.file],
          async () => {
            // An unreadable file is reported by the hub; its earlier contents stay valid here.
            const now = await chooseSite(flags, context, () => {}).catch(() => undefined)
            if (now) expected = await expectedOf(now.site, context.env)
          },
        )
      const client = `bridge-${crypto.randomUUID().slice(0, 8)}`
      await using bus = connectMqtt({ url, credentials, client })
      using _ = sayConnections(bus, url, log)
      await using others = connectSites(site, 'bridge', log)
      const bridge = await startBridge({
        ...{ bus, root, listen, log, keys: files?.read(), hosts: flags.host ?? [] },
        people: hubPeople({ url, root, credentials }),
        expected: () => expected,
        sites: others.sites,
        ...(insecure && { insecure }),
        ...(grafana !== undefined && { grafana }),
      })
      log(`listening on ${bridge.url}`)
      using _renewed =
        files &&
        onFileChange(
          () => [files.cert],
          async () => showAnew(bridge, files.read, log),
        )
      await aborted(context.signal)
      await bridge.close()
    })
}

/** Certificate and key: those that are given, and beyond this machine those that `ocs hub init` has made here. */
function keysOf(
  { cert, key, insecure }: BridgeFlags,
  { host }: Listen,
  { env }: Context,
): KeySource | undefined {
  if (cert !== undefined && key !== undefined) return { cert, read: () => readKeyPair({ cert, key }) }
  if (cert !== undefined || key !== undefined)
    throw new UsageError('--cert and --key belong together: give both')
  if (insecure || isLoopback(host)) return undefined
  return ownHubKeys([statePath(undefined, env), ownStatePath(env)])
}

/** An address that a browser may be sent to. */
function webAddress(text: string): string {
  const url = URL.parse(text)
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url.href
  throw new InvalidArgumentError('It must be an address such as http://127.0.0.1:3000.')
}

function names(name: string, before: string[] = []): string[] {
  return [...before, name]
}
