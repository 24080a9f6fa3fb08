import { Command, InvalidArgumentError } from 'commander'
import { startBridge } from '../bridge/bridge.ts'
import { connectMqtt } from '../bus/mqtt.ts'
import { aborted } from '../core/pause.ts'
import { chooseSite, type SiteOptions } from '../launch/choose-site.ts'
import { sayConnections } from '../launch/role.ts'
import type { Context } from '../terminal/context.ts'
import { createLog } from '../terminal/log.ts'
import { passwdCommand, usersFile } from './bridge-passwd.ts'
import { address, type Listen } from './hub.ts'
import { siteFlags } from './site-flags.ts'

interface BridgeFlags extends SiteOptions {
  readonly listen?: Listen
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
    .option('--insecure', 'listen beyond this machine although there are neither users nor TLS')
    .option('--users <file>', 'who may operate from the live page (users.yaml in the state folder)')
    .option('--grafana <url>', 'the address of Grafana, for a link on the live page', webAddress)
    .action(async (flags: BridgeFlags) => {
      const log = createLog(context, flags.logFormat ?? 'text')
      const { root, url, credentials } = await chooseSite(flags, context, log)
      const listen = flags.listen ?? { host: '127.0.0.1', port: 5000 }
      const { insecure, grafana } = flags
      const users = usersFile(flags.users, context.env)
      await using bus = connectMqtt({ url, credentials, client: `bridge-${crypto.randomUUID().slice(0, 8)}` })
      using _ = sayConnections(bus, url, log)
      const bridge = await startBridge({
        ...{ bus, root, listen, log, users, hosts: flags.host ?? [] },
        ...(insecure && { insecure }),
        ...(grafana !== undefined && { grafana }),
      })
      log(`listening on ${bridge.url}`)
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
