import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Bus } from '../bus/bus.ts'
import { subscribeDevices } from '../bus/device-topics.ts'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import type { Agent } from '../core/agent.ts'
import { startupOps } from '../core/arguments/startup-ops.ts'
import { channels, type Presence } from '../core/channels.ts'
import { CONNACK, OpError } from '../core/errors.ts'
import type { LabSite } from '../core/lab.ts'
import type { ManagedHost } from '../core/managed-host.ts'
import { aborted } from '../core/pause.ts'
import { viewLab } from '../lab/lab-view.ts'
import { ownRecorderKey } from '../machine/recorder-key-file.ts'
import { brokerCredentials, type Credentials } from '../principals/credentials.ts'
import { accountName } from '../principals/local-token.ts'
import { Counters } from '../runtime/counters.ts'
import { newIdentity, willOf } from '../runtime/identity.ts'
import { runAgent } from '../runtime/run-agent.ts'
import { SessionStore } from '../runtime/session-store.ts'
import { Spool } from '../runtime/spool/spool.ts'
import { parseSite, type Site } from '../site/site.ts'
import type { Context } from '../terminal/context.ts'
import { type Log, stamp } from '../terminal/log.ts'
import { readings } from '../terminal/readings.ts'
import { recorderClasses } from './agents.ts'
import type { ChosenSite } from './choose-site.ts'
import { version } from './version.ts'

/** Milliseconds before a role that has not reached the hub logs that it is waiting. */
const SAY_WAITING_MS = 1000
/** Milliseconds between checks whether the site file has changed. */
const LOOK_MS = 1000
/** Seconds to find out who holds an instance-id. */
const ASK_SECONDS = 3

export interface Role {
  readonly agent: Agent
  readonly args: unknown
  readonly instance: string
  readonly site: Pick<ChosenSite, 'url' | 'root' | 'realm' | 'recorders' | 'credentials'> &
    Partial<Pick<ChosenSite, 'site'>>
  readonly stateDir: string
  /** The folder of files that requests may name. */
  readonly filesDir?: string | undefined
  /** The host whose instances this process keeps alive, if it does. */
  readonly host?: ManagedHost
}

/**
 * Runs an agent until it is told to stop.
 * @throws OpError when another live process has the instance-id, naming it
 * @throws ConfigError when its spool or its sessions cannot be opened, or a start-up parameter is invalid
 */
export async function serveRole(
  { agent, args, instance, site, stateDir, filesDir, host }: Role,
  context: Context,
  log: Log,
): Promise<void> {
  const { url, root, recorders } = site
  const credentials = (to?: { readonly url: string }) => site.credentials({ ...to, instance, stateDir })
  startupOps(agent, args, instance)
  const recorded = agent.spec.opensFeeds || Object.values(agent.spec.feeds).some(({ record }) => record)
  const spoolFile = join(stateDir, root, `${instance}.sqlite`)
  const spool = recorded ? new Spool(spoolFile, { recorded: recorders?.length !== 0 }) : undefined
  if (spool) log(`state: ${spoolFile}`)
  const sessions = SessionStore.at(join(stateDir, root, `${instance}.sessions.sqlite`))
  if (recorded && recorders?.length === 0) {
    log(`not recorded: the site file names no ${recorderClasses[0]}; readings are kept for one hour`)
  }
  const identity = newIdentity({ root, instance, agentClass: agent.spec.class, version })
  const counters = new Counters()
  let joined = false
  let asked = false
  const refused = Promise.withResolvers<OpError>()
  await using bus = connectMqtt({
    url,
    client: instance,
    credentials,
    will: willOf(identity),
    onBad: (topic, reason) => {
      counters.add('bad_messages')
      log(`a message on ${topic} was left out: ${reason}`)
    },
    onRefused: (reason, code) => {
      // A hub that has no room at the moment is tried again.
      if (joined || asked || code === CONNACK.noRoom) return
      asked = true
      if (code !== CONNACK.idTaken)
        return refused.resolve(new OpError(notLetIn(instance, url, reason, credentials())))
      void holderOf(instance, site, reason).then((text) => refused.resolve(new OpError(text)))
    },
  })
  using _waiting = sayWaiting(bus, url, log)
  using _joined = bus.onConnected((connected) => {
    if (connected && !joined && agent.queries.has('get_data')) {
      void nodeNameHolder(bus, root, instance, args as { name?: string }).then((text) => {
        if (text !== undefined) refused.resolve(new OpError(text))
      })
    }
    joined ||= connected
  })
  const running = await runAgent({
    agent,
    args,
    identity,
    bus,
    spool,
    sessions,
    counters,
    site: site.site && labSite(site.site),
    log,
    host,
    filesDir,
    subscribeDevices: (broker, topics, onMessage) =>
      subscribeDevices(
        {
          url: broker.url ?? url,
          client: `${instance}-devices-${crypto.randomUUID().slice(0, 8)}`,
          credentials:
            broker.url === undefined ? credentials : () => brokerCredentials(broker.url ?? '', broker),
        },
        topics,
        onMessage,
      ),
    recorderKey: ownRecorderKey(join(stateDir, root), log),
    onElder: (elder) => refused.resolve(new OpError(runsAlready(instance, elder))),
    onRows: (_, declaration, rows) => {
      if (!context.unseen) context.out(readings(declaration, rows))
    },
  })
  const why = await Promise.race([aborted(context.signal), refused.promise])
  await running.stop()
  if (why) throw why
  log(`${instance} stopped`)
}

/** The parts of the site file that an agent may see. */
function labSite(site: Site): LabSite {
  const written = () => statSync(site.file, { throwIfNoEntry: false })?.mtimeMs
  let instances = instancesOf(site)
  let seen = written()
  let looked = performance.now()
  return {
    alarms: site.alarms,
    // An instance may be added while the recorder runs.
    get instances() {
      if (performance.now() - looked < LOOK_MS) return instances
      looked = performance.now()
      const now = written()
      if (now === seen || now === undefined) return instances
      seen = now
      try {
        instances = instancesOf(parseSite(readFileSync(site.file, 'utf8'), site.file))
      } catch {
        // The file is being edited: its earlier contents stay valid until it can be read again.
      }
      return instances
    },
  }
}

function instancesOf({ hosts }: Site): LabSite['instances'] {
  const all = [...hosts.values()].flatMap(({ instances }) => instances)
  // An entry without a readable id cannot be matched with a running instance.
  const known = all.filter(({ instance_id }) => instance_id !== '')
  return new Map(
    known.map(({ instance_id, agent_class = '', manage }) => [
      instance_id,
      { agentClass: agent_class, isUp: manage === 'host/up' },
    ]),
  )
}

/** Logs that the hub is being waited for, when it does not answer at once, and each new reason. */
function sayWaiting(bus: Bus, url: string, log: Log): Disposable {
  const told = new Set<string>()
  const timer = setInterval(() => {
    const why = bus.problem?.text ?? 'no answer'
    if (bus.connected) told.clear()
    else if (!told.has(why)) log(`waiting for the hub at ${url} (ocs hub): ${why}`)
    if (!bus.connected) told.add(why)
  }, SAY_WAITING_MS)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

/**
 * Logs connections to the hub, losses and waits, for roles that are not agents.
 * @param joined the hub is connected and this has been logged already
 */
export function sayConnections(bus: Bus, url: string, log: Log, { joined = false } = {}): Disposable {
  const waiting = sayWaiting(bus, url, log)
  let known = joined
  let was = false
  const watch = bus.onConnected((connected, reason) => {
    if (connected && !known) log('transport connected')
    known = false
    if (!connected && was) log(`transport lost${reason ? `: ${reason}` : ''}; reconnecting`)
    was = connected
  })
  return {
    [Symbol.dispose]() {
      waiting[Symbol.dispose]()
      watch[Symbol.dispose]()
    },
  }
}

/** A message naming another live data node with the same name; undefined if there is none. */
async function nodeNameHolder(
  bus: Bus,
  root: string,
  instance: string,
  { name }: { name?: string },
): Promise<string | undefined> {
  await using lab = await viewLab(bus, root)
  await lab.settled()
  for (const [other, { api, state, presence }] of lab.instances) {
    if (other === instance || state !== 'online' || api?.node?.name !== name) continue
    const where = presence ? ` on ${presence.host}, pid ${presence.pid}` : ''
    return `the name "${name}" is used by the data node ${other}${where}: choose another with --name`
  }
  return undefined
}

/** Why a hub does not admit an agent, and what to do. */
function notLetIn(instance: string, url: string, reason: string, shown: Credentials | undefined): string {
  const who = shown?.principal
    ? `shows it credentials of ${shown.principal}`
    : 'has no credentials for this hub'
  return (
    `the hub at ${url} refused "${instance}": ${reason}. This account (${accountName()}) ${who}: run it as the account of the hub, ` +
    `or get credentials there: ocs hub token ${instance}`
  )
}

function runsAlready(instance: string, { host, pid, since }: Presence): string {
  const at = stamp(new Date(since * 1000))
  return `${instance} is already running: on ${host}, pid ${pid}, since ${at}. Stop that one first`
}

/** The holder of an instance-id, from its presence; asked for under another client id. */
async function holderOf(
  instance: string,
  { url, root, credentials }: Role['site'],
  why: string,
): Promise<string> {
  await using bus = connectMqtt({ url, credentials, client: `ask-${crypto.randomUUID().slice(0, 8)}` })
  const found = Promise.withResolvers<Presence | undefined>()
  const timer = setTimeout(() => found.resolve(undefined), ASK_SECONDS * 1000)
  try {
    await reached(bus, url, ASK_SECONDS)
    await bus.subscribe(channels.presence, { root, instance }, (presence) => found.resolve(presence))
    const holder = await found.promise
    if (!holder) return `the hub at ${url} refused "${instance}": ${why}`
    return runsAlready(instance, holder)
  } catch {
    return `the hub at ${url} refused "${instance}": ${why}`
  } finally {
    clearTimeout(timer)
  }
}
