import { Command } from 'commander'
import { startBridge } from '../bridge/bridge.ts'
import { connectMqtt } from '../bus/mqtt.ts'
import { aborted } from '../core/pause.ts'
import type { Context } from './context.ts'
import { address, type Listen } from './hub.ts'
import { createLog } from './log.ts'
import { sayConnections } from './role.ts'
import { chooseSite, type SiteOptions, siteFlags } from './site.ts'

interface BridgeFlags extends SiteOptions {
  readonly listen?: Listen
  readonly insecure?: boolean
}

/** `ocs bridge`: what Grafana and browsers ask. */
export function bridgeCommand(context: Context): Command {
  const command = new Command('bridge').description('Serve live data to Grafana and browsers over HTTP.')
  return siteFlags(command)
    .option('--listen <addr:port>', 'where to serve HTTP (127.0.0.1:5000)', address)
    .option('--insecure', 'listen beyond this machine although there are neither users nor TLS')
    .action(async (flags: BridgeFlags) => {
      const log = createLog(context, flags.logFormat ?? 'text')
      const { root, url } = await chooseSite(flags, context, log)
      const listen = flags.listen ?? { host: '127.0.0.1', port: 5000 }
      await using bus = connectMqtt({ url, client: `bridge-${crypto.randomUUID().slice(0, 8)}` })
      using _ = sayConnections(bus, url, log)
      const bridge = await startBridge({ bus, root, listen, log, ...(flags.insecure && { insecure: true }) })
      log(`listening on ${bridge.url}`)
      await aborted(context.signal)
      await bridge.close()
    })
}
