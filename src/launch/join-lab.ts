import type { Bus } from '../bus/bus.ts'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import type { Agent } from '../core/agent.ts'
import type { AgentApi } from '../core/channels.ts'
import { messageOf, TransportError, UsageError } from '../core/errors.ts'
import { nearOr, notFound } from '../core/names.ts'
import { type InstanceView, type LabView, viewLab } from '../lab/lab-view.ts'
import { type Caller, caller } from '../lab/request-client.ts'
import type { Instance } from '../site/instances.ts'
import type { Site } from '../site/site.ts'
import type { Context } from '../terminal/context.ts'
import { createLog, type Log } from '../terminal/log.ts'
import { type ChosenSite, chooseSite, type SiteOptions } from './choose-site.ts'
import { keyRing } from './key-ring.ts'
import { knownHub } from './known-hub.ts'

/** Seconds that the hub has to answer a command. */
const HUB_SECONDS = 5
/**
 * Milliseconds that an agent of the site file has to come back to a hub that does not know it: the hub may
 * have just started.
 */
const BACK_MS = 3000

/** A lab, for a command that controls it. */
export interface Controlled {
  readonly bus: Bus
  readonly url: string
  readonly credentials: ChosenSite['credentials']
  readonly root: string
  readonly lab: LabView
  readonly ask: Caller
  readonly log: Log
  /**
   * Recorders and instruments according to the site file; undefined without one, when the running ones count.
   */
  readonly recorders: readonly string[] | undefined
  readonly expected: readonly string[] | undefined
  /** The site file, if there is one. */
  readonly site: Site | undefined
}

/** The flags of a command that joins the lab. */
export interface LabOptions extends SiteOptions {
  /** Prints which hub is joined, and under which identity. */
  readonly verbose?: boolean
}

/** Lends a command its lab; a shell lends one lab to all its commands. */
export type WithLab = (
  flags: LabOptions,
  context: Context,
  work: (on: Controlled) => Promise<void>,
) => Promise<void>

/**
 * Joins the lab that the flags name, or the only known one, while `work` runs.
 * @throws TransportError when its hub is not reached
 */
export const joinLab: WithLab = async (given, context, work) => {
  const flags = await knownHub(given, context, context.err)
  const { verbose = false } = flags
  const log = createLog(context, flags.logFormat ?? 'text')
  const { url, root, realm, site, recorders, credentials } = await chooseSite(
    flags,
    context,
    verbose ? log : () => {},
  )
  const client = `ctrl-${crypto.randomUUID().slice(0, 8)}`
  await using bus = connectMqtt({
    url,
    client,
    credentials,
    onBad: (topic, why) => log(`${topic}: left out: ${messageOf(why)}`),
  })
  await reached(bus, url, HUB_SECONDS)
  if (verbose) {
    log('transport connected')
    log(`session joined: ${client} (realm ${realm}, address root ${root})`)
  }
  await using lab = await viewLab(bus, root)
  await using ask = await caller(bus, root, { key: keyRing(context.env, root).get })
  await lab.settled()
  const expected = site && (await instrumentsOf(site, lab, context.env))
  await work({ bus, url, credentials, root, lab, ask, log, recorders, expected, site })
  // Closed before the others: each of them would otherwise unsubscribe and wait for the hub's answer.
  await bus[Symbol.asyncDispose]()
}

/** Instances of a site file that are expected to acquire data, without those of unknown classes. */
async function instrumentsOf(
  site: Site,
  { instances: known }: LabView,
  env: Context['env'],
): Promise<string[]> {
  const all = [...site.hosts.values()].flatMap(({ instances }) => instances)
  const written = all.filter(({ instance_id }) => instance_id !== '')
  const ops = await Promise.all(
    written.map((instance) => known.get(instance.instance_id)?.api?.ops ?? opsOf(instance, env)),
  )
  return written.flatMap(({ instance_id: id }, at) => ('acq' in (ops[at] ?? {}) ? [id] : []))
}

/** The operations of an instance that has announced nothing; none for a class that does not exist here. */
async function opsOf(instance: Instance, env: Context['env']): Promise<Agent['ops']> {
  // Loading a class loads all its drivers: unnecessary in a lab whose agents have announced themselves.
  const { declarationOf } = await import('./declared-instances.ts')
  const agent = await declarationOf(instance, env).catch(() => undefined)
  return agent?.ops ?? {}
}

/** The message for an instance of another site, named `SITE/instance`; undefined for one of this lab. */
export function elsewhere(site: Site | undefined, instance: string): string | undefined {
  const [name = '', ...rest] = instance.split('/')
  const url = site?.sites?.get(name)?.mqtt_server
  if (rest.length === 0 || url === undefined) return undefined
  return `${instance} is of another site, which is looked at from here: operate it as who may there, with --site-hub ${url} and ${rest.join('/')}`
}

/**
 * One instance in any state; waits a moment for one of the site file.
 * @throws TransportError when nothing is known of it, with the nearest name
 */
export async function knownInstance({ lab, site }: Controlled, instance: string): Promise<InstanceView> {
  const hosts = [...(site?.hosts.values() ?? [])]
  const isNamed = hosts.some(({ instances }) => instances.some((one) => one.instance_id === instance))
  if (isNamed && !lab.instances.has(instance)) await comeBack(lab, instance)
  const found = lab.instances.get(instance)
  if (found) return found
  const there = elsewhere(site, instance)
  if (there !== undefined) throw new UsageError(there)
  const names = [...lab.instances.keys()].sort()
  throw new TransportError(`no agent "${instance}" is known (${nearOr(instance, names)})`)
}

/** Waits for an instance's announcement, for a short time, since it may not run. */
async function comeBack(lab: LabView, instance: string): Promise<void> {
  const come = Promise.withResolvers<void>()
  const timer = setTimeout(come.resolve, BACK_MS)
  using _ = lab.onChange(() => {
    if (lab.instances.get(instance)?.api) come.resolve()
  })
  await come.promise
  clearTimeout(timer)
  // The sessions of its operations follow.
  await lab.settled()
}

/**
 * One instance that is running.
 * @throws TransportError when it is not
 */
export async function runningInstance(on: Controlled, instance: string): Promise<InstanceView> {
  const found = await knownInstance(on, instance)
  if (found.state === 'online') return found
  throw new TransportError(
    `${instance} is ${found.state}: start it with ocs agent --instance-id=${instance} (ocs ctrl ls)`,
  )
}

/**
 * An instance's declaration of one of its operations.
 * @throws UsageError when it has none of that name
 */
export function knownOp(instance: string, { api }: InstanceView, op: string): AgentApi['ops'][string] {
  const ops = api?.ops ?? {}
  const found = Object.hasOwn(ops, op) ? ops[op] : undefined
  if (found) return found
  throw new UsageError(notFound(`${instance} has no operation`, op, Object.keys(ops), 'it has'))
}
