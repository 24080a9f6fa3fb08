import { Command, InvalidArgumentError } from 'commander'
import { startHub } from '../broker/hub.ts'
import { hostPort } from '../core/host-port.ts'
import { aborted } from '../core/pause.ts'
import { chooseSite, type SiteOptions } from '../launch/choose-site.ts'
import { statePath } from '../launch/places.ts'
import { version } from '../launch/version.ts'
import { knownDrainToken } from '../machine/drain-token.ts'
import type { Context } from '../terminal/context.ts'
import { createLog } from '../terminal/log.ts'
import { siteFlags } from './site-flags.ts'

/** Where to listen. */
export interface Listen {
  readonly host: string
  readonly port: number
}
interface HubFlags extends SiteOptions {
  readonly listen?: Listen[]
  readonly listenWs?: Listen
  readonly stateDir?: string
  readonly insecure?: boolean
}

/** `ocs hub`: the message broker that every other role connects to. */
export function hubCommand(context: Context): Command {
  const command = new Command('hub').description('Run the hub: the message broker every role connects to.')
  return siteFlags(command)
    .option('--listen <addr:port>', 'MQTT over TCP (127.0.0.1:1883); may be repeated', listens)
    .option('--listen-ws <addr:port>', 'MQTT over WebSocket, path /ws (127.0.0.1:8001)', address)
    .option('--state-dir <folder>', 'where it finds what "ocs spool drain" of this account has to show')
    .option('--insecure', 'listen beyond this machine although there are neither users nor TLS')
    .action(async (flags: HubFlags) => {
      const log = createLog(context, flags.logFormat ?? 'text')
      const { root, realm, recorders, ports } = await chooseSite(flags, context, log)
      const hub = await startHub({
        root,
        realm,
        version,
        log,
        listen: flags.listen ?? [{ host: '127.0.0.1', port: ports.mqtt }],
        websocket: flags.listenWs ?? { host: '127.0.0.1', port: ports.ws },
        drainToken: () => knownDrainToken(statePath(flags.stateDir, context.env)),
        ...(recorders && { recorders }),
        ...(flags.insecure && { insecure: true }),
      })
      log(`hub: realm ${realm}, address root ${root}`)
      for (const listener of hub.listeners) log(`listening on ${listener}`)
      await aborted(context.signal)
      await hub.close()
      log('hub stopped')
    })
}

/** `ADDR:PORT`, `[::1]:1883`, or a port alone on loopback. */
export function address(text: string): Listen {
  const found = /^(?:(\[[0-9a-fA-F:.]+\]|[^:]+):)?(\d{1,5})$/.exec(text)
  const port = Number(found?.[2])
  if (!found || port > 65_535)
    throw new InvalidArgumentError('It has to be ADDR:PORT, such as 127.0.0.1:1883.')
  return { host: found[1]?.replace(/^\[|\]$/g, '') ?? '127.0.0.1', port }
}

/** The same as text, as `ocs up` hands it to the bridge. */
export function bridgeAt(text: string): string {
  const { host, port } = address(text)
  return hostPort(host, port)
}

function listens(text: string, before: Listen[] | undefined): Listen[] {
  return [...(before ?? []), address(text)]
}
