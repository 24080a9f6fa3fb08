import { Command, InvalidArgumentError } from 'commander'
import { CLOSED, startHub } from '../broker/hub.ts'
import type { Level } from '../core/access.ts'
import { ConfigError, messageOf } from '../core/errors.ts'
import { aborted } from '../core/pause.ts'
import { onFileChange } from '../host/file-change.ts'
import { ocsVisits } from '../lab/ocs-visits.ts'
import { chooseSite, type SiteOptions } from '../launch/choose-site.ts'
import { showAnew } from '../launch/show-anew.ts'
import { version } from '../launch/version.ts'
import { ownStatePath, statePath } from '../machine/state-path.ts'
import { groupId } from '../machine/unix-group.ts'
import { auditFile, readAudit } from '../principals/audit-file.ts'
import type { KeyPair } from '../principals/certificate.ts'
import { keyFiles, readHubKeys, remarksOn } from '../principals/hub-keys.ts'
import { byToken, everybody, type Identify, type Known } from '../principals/identify.ts'
import { accountName, ownLocalTokens } from '../principals/local-token.ts'
import { logIns } from '../principals/log-in.ts'
import { writeOperatorsToken } from '../principals/operators-token.ts'
import { Passwords } from '../principals/passwords.ts'
import { OPERATORS } from '../principals/principal.ts'
import { principalsPath, readPrincipals } from '../principals/principals-file.ts'
import { newToken } from '../principals/token.ts'
import { byPassword } from '../principals/web-login.ts'
import { loadSite } from '../site/find.ts'
import { listeningAt } from '../site/hub-url.ts'
import type { Context } from '../terminal/context.ts'
import { createLog, type Log } from '../terminal/log.ts'
import { examples } from './help.ts'
import { forgetIdCommand } from './hub/forget.ts'
import { keyCommands } from './hub/init.ts'
import { principalCommands } from './hub/principals.ts'
import { refusedCommand } from './hub/refused.ts'
import { listening, type Place, places } from './listen-flags.ts'
import { siteFlags } from './site-flags.ts'

/** Members of a Unix group who are operators. */
interface Operators {
  readonly group: string
  readonly level: Level
}
interface HubFlags extends SiteOptions {
  readonly listen?: Place[]
  readonly listenWs?: Place[]
  readonly stateDir?: string
  readonly insecure?: boolean
  readonly operators?: Operators
}

const WIDER = 'other machines connect over TLS, by default on port'

/** No topics of devices. */
const NOBODYS: ReadonlyMap<string, readonly string[]> = new Map()

/** `ocs hub`: the message broker that every other role connects to. */
export function hubCommand(context: Context): Command {
  const command = new Command('hub')
    .description('Run the hub: the message broker every role connects to.')
    .enablePositionalOptions()
    .allowExcessArguments(false)
  const subs = [
    keyCommands(context),
    principalCommands(context),
    refusedCommand(context),
    forgetIdCommand(context),
  ]
  for (const sub of subs.flat()) command.addCommand(sub)
  return siteFlags(command)
    .option('--listen <addr:port>', `MQTT (127.0.0.1:1883); ${WIDER} 8883`, places)
    .option(
      '--listen-ws <addr:port>',
      `MQTT over WebSocket, path /ws (127.0.0.1:8001); ${WIDER} 8080`,
      places,
    )
    .option('--state-dir <folder>', 'its state folder: who may do what is in its subfolder hub')
    .option(
      '--operators <group>',
      'a Unix group whose members are operators; GROUP:2 for access level 2',
      group,
    )
    .option('--insecure', 'anyone may do anything, even from other machines')
    .addHelpText(
      'after',
      examples(
        'ocs hub --site-file=lab.yaml --site-host=grumpy',
        'ocs hub --listen=0.0.0.0 --listen-ws=0.0.0.0',
        'ocs hub passwd maya --role=operator:1',
      ),
    )
    .action(async (flags: HubFlags) => {
      const log = createLog(context, flags.logFormat ?? 'text')
      const { site, url, root, realm, recorders, ports } = await chooseSite(flags, context, log)
      let deviceTopics = site?.hub.device_topics ?? NOBODYS
      const state = statePath(flags.stateDir, context.env)
      const { operators, insecure = false } = flags
      const listen = listening(flags.listen, { plain: ports.mqtt, tls: ports.mqtts }, insecure)
      const websocket = listening(flags.listenWs, { plain: ports.ws, tls: ports.wss }, insecure)
      const isWide = [...listen, ...websocket].some(({ tls }) => tls)
      const keys = isWide ? wideKeys(state) : undefined
      const { cert } = keyFiles(state)
      for (const remark of keys ? remarksOn(state, keys.cert) : []) log(`warning: ${remark}`)
      if (!isWide && !insecure && /^(mqtts|wss):/.test(url))
        log(
          `warning: clients are led to ${url}, and this hub listens on this machine alone: ${listeningAt(url)}`,
        )
      const gid = operators && groupId(operators.group)
      const token = newToken(OPERATORS)
      const passwords = new Passwords()
      const hub = await startHub({
        ...{ root, realm, version, log, listen, websocket, keys },
        identify: identifyBy(flags, context, log, operators && { token, level: operators.level }),
        ...(!insecure && {
          logIn: logIns(principalsPath(state), passwords),
          people: byPassword(principalsPath(state), log, passwords),
          keep: auditFile(state, log),
          kept: readAudit(state),
        }),
        calls: (own) => ocsVisits(root, own),
        ...(recorders && { recorders }),
        deviceTopics: () => deviceTopics,
        ...(insecure && { insecure }),
      })
      log(`hub: realm ${realm}, address root ${root}`)
      for (const listener of hub.listeners) log(`listening on ${listener}`)
      const write = () => {
        for (const url of hub.listeners)
          if (gid !== undefined) writeOperatorsToken(Number(new URL(url).port), token, gid)
      }
      write()
      // Many machines clean that folder up regularly.
      const again = setInterval(() => {
        try {
          write()
        } catch (error) {
          log(`error: ${messageOf(error)}`)
        }
      }, 3_600_000)
      if (operators) log(`members of the group ${operators.group} are operators of level ${operators.level}`)
      using _ = onFileChange(
        () => [principalsPath(state), ...(keys ? [cert] : []), ...(site ? [site.file] : [])],
        async (files) => {
          if (files.includes(cert)) showAnew(hub, () => wideKeys(state), log)
          // While it cannot be read, the earlier contents stay valid.
          if (site && files.includes(site.file))
            deviceTopics = await loadSite(site.file).then(
              ({ hub }) => hub.device_topics ?? NOBODYS,
              () => deviceTopics,
            )
          hub.recheck()
        },
      )
      await aborted(context.signal)
      clearInterval(again)
      await hub.close()
      log('hub stopped')
    })
}

/** The certificate of a hub that other machines reach. @throws ConfigError where it or users are missing */
function wideKeys(state: string): KeyPair {
  const keys = readHubKeys(state)
  if (!keys || Object.keys(readPrincipals(principalsPath(state))).length === 0) throw new ConfigError(CLOSED)
  return keys
}

/** Identifies clients; with --insecure anyone may do anything. */
function identifyBy(
  { insecure, stateDir }: HubFlags,
  { env }: Context,
  log: Log,
  operators: Known['operators'],
): Identify {
  if (insecure) return everybody
  const state = statePath(stateDir, env)
  const local = ownLocalTokens([state, ownStatePath(env)])
  return byToken({ account: accountName(), local, operators, file: principalsPath(state), log })
}

/** `GROUP`, `GROUP:LEVEL`. */
function group(text: string): Operators {
  const [name = '', level = '1', ...more] = text.split(':')
  if (name === '' || !/^[1-3]$/.test(level) || more.length > 0)
    throw new InvalidArgumentError('It has to be GROUP or GROUP:LEVEL, with a level of 1, 2 or 3.')
  return { group: name, level: Number(level) as Level }
}
