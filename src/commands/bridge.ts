import { Command, InvalidArgumentError } from 'commander'
import { startBridge } from '../bridge/bridge.ts'
import { connectMqtt } from '../bus/mqtt.ts'
import { UsageError } from '../core/errors.ts'
import { aborted } from '../core/pause.ts'
import { onFileChange } from '../host/file-change.ts'
import { chooseSite, type SiteOptions } from '../launch/choose-site.ts'
import { sayConnections } from '../launch/role.ts'
import { showAnew } from '../launch/show-anew.ts'
import { readKeyPair } from '../principals/hub-keys.ts'
import type { Context } from '../terminal/context.ts'
import { createLog } from '../terminal/log.ts'
import { passwdCommand, usersFile } from './bridge-passwd.ts'
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
    .addCommand(passwdCommand(context))
  return siteFlags(command)
    .option('--listen <addr:port>', 'where to serve HTTP (127.0.0.1:5000)', address)
    .option(
      '--host <name>',
      'a further name that it goes by, of a container or a proxy; may be repeated',
      names,
    )
    .option('--cert <file>', 'serve HTTPS with this certificate, PEM; read again when it changes')
    .option('--key <file>', 'its key, PEM')
    .option('--insecure', 'listen beyond this machine: whoever reaches it may read')
    .option('--users <file>', 'who may operate from the live page (users.yaml in the state folder)')
    .option('--grafana <url>', 'the address of Grafana, for a link on the live page', webAddress)
    .action(async (flags: BridgeFlags) => {
      const log = createLog(context, flags.logFormat ?? 'text')
      const { root, url, credentials } = await chooseSite(flags, context, log)
      const listen = flags.listen ?? { host: '127.0.0.1', port: 5000 }
      const { insecure, grafana, cert, key } = flags
      if ((cert === undefined) !== (key === undefined))
        throw new UsageError('--cert and --key belong together: give both')
      const files = cert !== undefined && key !== undefined ? { cert, key } : undefined
      const users = usersFile(flags.users, context.env)
      await using bus = connectMqtt({ url, credentials, client: `bridge-${crypto.randomUUID().slice(0, 8)}` })
      using _ = sayConnections(bus, url, log)
      const bridge = await startBridge({
        ...{ bus, root, listen, log, users, keys: files && readKeyPair(files), hosts: flags.host ?? [] },
        ...(insecure && { insecure }),
        ...(grafana !== undefined && { grafana }),
      })
      log(`listening on ${bridge.url}`)
      using _renewed =
        files &&
        onFileChange(
          () => [files.cert],
          async () => showAnew(bridge, () => readKeyPair(files), log),
        )
      await aborted(context.signal)
      await bridge.close()
    })
}

/** An address that a browser may be sent to. */
function webAddress(text: string): string {
  const url = URL.parse(text)
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url.href
  throw new InvalidArgumentError('an address such as http://127.0.0.1:3000 is wanted.')
}

function names(name: string, before: string[] = []): string[] {
  return [...before, name]
}
