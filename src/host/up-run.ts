import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { counted } from '../core/counted.ts'
import { messageOf } from '../core/errors.ts'
import type { Target } from '../core/managed-host.ts'
import { aborted } from '../core/pause.ts'
import { credentialsOf, type SiteOptions } from '../launch/choose-site.ts'
import { stateDir } from '../launch/places.ts'
import { serveRole } from '../launch/role.ts'
import { lockFile } from '../machine/lock-file.ts'
import { answers } from '../machine/probe.ts'
import { siteFile } from '../site/find.ts'
import type { Context } from '../terminal/context.ts'
import { stamp } from '../terminal/log.ts'
import { onFileChange } from './file-change.ts'
import { isUp } from './roles.ts'
import { RotatingLog } from './rotating-log.ts'
import { Host } from './up-host.ts'
import { prefixed } from './up-output.ts'
import {
  isHere,
  isLocal,
  type Manager,
  makePlan,
  mustBeOneBridge,
  type Plan,
  type PlanFrom,
} from './up-plan.ts'
import { forgetSites, keepSite, processBegan, readUpState, upPath, writeUpState } from './up-state.ts'

/** Flags of `ocs up`. */
export interface UpFlags extends SiteOptions {
  readonly stateDir?: string
  readonly logDir?: string
  /** `--hub`, `--no-hub`; undefined: start one if needed. */
  readonly hub?: boolean
  /** True: at its default address; or its address, `127.0.0.1:5001`. */
  readonly bridge?: boolean | string
  /** Runs in the background. */
  readonly detach?: boolean
  readonly tmux?: boolean
  /** Flags for the host's manager, when `ocs agent` runs one. */
  readonly managerFlags?: readonly string[]
}
/** An `ocs up` before its start, and where it keeps its state. */
export interface UpPlace {
  readonly from: PlanFrom
  readonly plan: Plan
  /** Its state file. */
  readonly path: string
}

/** Milliseconds in which the client that asked for the shutdown still gets its answer. */
const QUIT_MS = 500

/**
 * Makes the plan of what to run.
 * @throws ConfigError, UsageError
 */
export async function planFor(
  flags: UpFlags,
  { env }: Context,
  keep?: (from: PlanFrom, text: string) => string | undefined,
): Promise<{ from: PlanFrom; plan: Plan }> {
  const file = resolve(siteFile({ ...flags, configDir: env['OCS_CONFIG_DIR'] }))
  const { stateDir: state, logDir, siteHub, siteHost } = flags
  const folders = { stateDir: state && resolve(state), logDir: logDir && resolve(logDir) }
  const { managerFlags = [] } = flags
  const { bridge } = flags
  const own = {
    file,
    hostName: siteHost ?? hostname(),
    siteHost,
    siteHub,
    bridge,
    ...folders,
    managerFlags,
    env,
  }
  const from: PlanFrom = keep ? { ...own, keep: (text) => keep(own, text) } : own
  const plan = await makePlan(from)
  if (flags.bridge) mustBeOneBridge(plan)
  return { from, plan }
}

/**
 * Makes the plan, and decides where its state is kept.
 * @throws ConfigError, UsageError
 */
export async function prepareUp(flags: UpFlags, context: Context): Promise<UpPlace> {
  const state = stateDir(flags.stateDir, context.env)
  const { from, plan } = await planFor(flags, context, ({ file, hostName }, text) =>
    keepSite(state, file, hostName, text),
  )
  return { from, plan, path: upPath(state, from.file, plan.host.name) }
}

/** The message that an `ocs up` runs already, with its pid if known. */
export function runsAlready({ path, plan }: UpPlace): string {
  const pid = readUpState(path)?.pid
  return `ocs up is already running for ${plan.host.name} of ${plan.site.file}${pid ? `: pid ${pid}` : ''} (ocs down stops it)`
}

/**
 * Runs all roles of this host until told to stop.
 * @throws OpError when another `ocs up` does already
 */
export async function runUp(place: UpPlace, flags: UpFlags, context: Context): Promise<void> {
  const { from, path } = place
  const lock = lockFile(path.replace(/json$/, 'lock'), () => runsAlready(place))
  const { plan } = place
  const logDir = resolve(
    flags.logDir ?? plan.host.log_dir ?? join(stateDir(flags.stateDir, context.env), 'logs'),
  )
  const own = new RotatingLog(join(logDir, `${plan.root}.ocs-up.log`))
  const print = prefixed(context)
  const say = (text: string) => {
    const line = `${stamp(new Date())} ${text}`
    own.write(line)
    print('ocs up', line)
  }
  const stop = new AbortController()
  const signal = AbortSignal.any([context.signal, stop.signal])
  const started = Date.now() / 1000
  let ended: number | null = null
  let begun = false
  const tell = () =>
    writeUpState(path, {
      pid: process.pid,
      began: processBegan(process.pid) ?? '',
      site_file: from.file,
      host: plan.host.name,
      started,
      ended,
      log: own.path,
      // Readers wait for all roles, so none is listed before all have been started.
      roles: begun ? host.roles : [],
      left_out: host.leftOut,
    })
  let writeFault = ''
  const changed = () => {
    try {
      tell()
      writeFault = ''
    } catch (error) {
      // The roles go on without the state file, also on a full disk.
      if (messageOf(error) !== writeFault) say(`cannot write ${path}: ${messageOf(error)}`)
      writeFault = messageOf(error)
    }
  }
  const host = new Host(plan, {
    logDir,
    root: plan.root,
    line: print,
    say,
    changed,
    extra: async (now) => [
      ...((await wantsHub(now, flags, say)) ? [now.hub] : []),
      ...(flags.bridge ? [now.bridge] : []),
    ],
    replan: async () => {
      const next = await makePlan(from, host.plan)
      if (flags.bridge) mustBeOneBridge(next)
      forget(next)
      return next
    },
    quit: () => setTimeout(() => stop.abort(), QUIT_MS),
    signal,
  })
  const state = stateDir(flags.stateDir, context.env)
  /** Removes copies of site files, except those with which a role would be restarted. */
  const forget = ({ instances, hub, bridge }: Plan) => {
    const used = [hub, bridge, ...instances].flatMap(({ env }) => env?.['OCS_SITE_COPY'] ?? [])
    forgetSites(state, from.file, from.hostName, new Set(used))
  }
  forget(plan)
  let managed: Promise<void> | undefined
  try {
    for (const note of plan.notes) say(note)
    changed()
    const { manager } = plan
    await host.begin((manager?.args as { initial_state?: Target } | undefined)?.initial_state)
    begun = true
    changed()
    say(
      `${counted(host.roles.filter(isUp).length, `role of ${plan.host.name} runs`, `roles of ${plan.host.name} run`)}; logs: ${logDir}`,
    )
    managed = manager && serveManager(manager, host, { ...context, signal }, { flags, say })
    using _ = onFileChange(
      () => [from.file, ...host.plan.modules],
      (files) => {
        for (const changed of files) say(`${changed} has changed`)
        return host.reload(false)
      },
    )
    await aborted(signal)
  } finally {
    stop.abort()
    say('stopping …')
    // The manager says goodbye while there is a hub.
    await managed
    await host.stop()
    ended = Date.now() / 1000
    changed()
    say('stopped')
    own.close()
    lock.close()
  }
}

/** Runs the host's manager on the bus until the signal; the roles do not depend on it. */
async function serveManager(
  { agent, args, instance }: Manager,
  host: Host,
  context: Context,
  { flags, say }: { readonly flags: UpFlags; say(text: string): void },
): Promise<void> {
  const { url, root, site } = host.plan
  const realm = site.hub.wamp_realm
  const credentials = credentialsOf({ url, realm, site, host: host.plan.host }, context.env)
  try {
    await serveRole(
      {
        agent,
        args,
        instance,
        site: { url, root, realm, recorders: undefined, credentials },
        stateDir: stateDir(flags.stateDir, context.env),
        host,
      },
      context,
      (text) => say(`${instance}: ${text}`),
    )
  } catch (error) {
    say(`${instance} is not on the bus; the roles run without it: ${messageOf(error)}`)
  }
}

/** Whether to run the hub as one of the roles: on request, or if it is needed here and does not run yet. */
async function wantsHub({ url }: Plan, { hub }: UpFlags, say: (text: string) => void): Promise<boolean> {
  if (hub === false) return false
  const there = await answers(url)
  if (there) say(`a hub answers at ${url}, so none is started`)
  if (there || hub) return !there
  if (isLocal(url)) return true
  if (isHere(url))
    say(`no hub answers at ${url}: start one there, because it has to know who may connect (ocs hub --help)`)
  return false
}
