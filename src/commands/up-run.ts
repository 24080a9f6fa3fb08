import { connect } from 'node:net'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { messageOf } from '../core/errors.ts'
import { aborted } from '../core/pause.ts'
import { lockFile } from '../runtime/spool-file.ts'
import { siteFile } from '../site/find.ts'
import type { Context } from './context.ts'
import { stamp } from './log.ts'
import { stateDir } from './places.ts'
import { RotatingLog } from './rotating-log.ts'
import type { SiteOptions } from './site.ts'
import { prefixed } from './up-output.ts'
import {
  isHere,
  isLocal,
  makePlan,
  mustBeOneBridge,
  type Plan,
  type PlanFrom,
  type PlannedRole,
} from './up-plan.ts'
import { onFileChange } from './up-reload.ts'
import { processBegan, readUpState, upPath, writeUpState } from './up-state.ts'
import { Supervisor } from './up-supervisor.ts'

/** Flags of `ocs up`. */
export interface UpFlags extends SiteOptions {
  readonly stateDir?: string
  readonly logDir?: string
  /** `--hub`, `--no-hub`; undefined: where it is wanted. */
  readonly hub?: boolean
  readonly bridge?: boolean
  /** Runs in the background. */
  readonly detach?: boolean
  readonly tmux?: boolean
}
/** An `ocs up` that is about to run, and where it keeps its state. */
export interface UpPlace {
  readonly from: PlanFrom
  readonly plan: Plan
  /** Its state file. */
  readonly path: string
}

/** Milliseconds that something has to answer at the hub's address. */
const PROBE_MS = 1000

/** Reads what is to be run. @throws ConfigError, UsageError */
export async function planFor(flags: UpFlags, { env }: Context): Promise<{ from: PlanFrom; plan: Plan }> {
  const file = resolve(siteFile({ ...flags, configDir: env['OCS_CONFIG_DIR'] }))
  const { stateDir: state, logDir, siteHub, siteHost } = flags
  const folders = { stateDir: state && resolve(state), logDir: logDir && resolve(logDir) }
  const from = { file, hostName: siteHost ?? hostname(), siteHub, ...folders, env }
  const plan = await makePlan(from)
  if (flags.bridge) mustBeOneBridge(plan)
  return { from, plan }
}

/** The same, and where its state is to be. @throws ConfigError, UsageError */
export async function prepareUp(flags: UpFlags, context: Context): Promise<UpPlace> {
  const { from, plan } = await planFor(flags, context)
  const state = stateDir(flags.stateDir, context.env)
  return { from, plan, path: upPath(state, from.file, plan.host.name) }
}

/** That an `ocs up` runs already, with its pid where it is known. */
export function runsAlready({ path, plan }: UpPlace): string {
  const pid = readUpState(path)?.pid
  return `ocs up runs already for ${plan.host.name} of ${plan.site.file}${pid ? `: pid ${pid}` : ''} (ocs down stops it)`
}

/** Runs all roles of this host until it is told to stop. @throws OpError when another `ocs up` does already */
export async function runUp(place: UpPlace, flags: UpFlags, context: Context): Promise<void> {
  const { from, path } = place
  const lock = lockFile(path.replace(/json$/, 'lock'), runsAlready(place))
  let { plan } = place
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
      // Who waits for the roles waits for all of them.
      roles: begun ? supervisor.roles : [],
    })
  let writeFault = ''
  const changed = () => {
    try {
      tell()
      writeFault = ''
    } catch (error) {
      // The roles go on without it, on a full disk too.
      if (messageOf(error) !== writeFault) say(`cannot write ${path}: ${messageOf(error)}`)
      writeFault = messageOf(error)
    }
  }
  const supervisor = new Supervisor({ logDir, root: plan.root, line: print, say, changed })
  try {
    let ownHub = await wantsHub(plan, flags, say)
    for (const note of plan.notes) say(note)
    tell()
    await supervisor.become(rolesOf(plan, ownHub, flags))
    begun = true
    changed()
    say(`${supervisor.roles.length} roles of ${plan.host.name} run; logs: ${logDir}`)
    const reload = async () => {
      if (context.signal.aborted) return
      try {
        const next = await makePlan(from)
        if (flags.bridge) mustBeOneBridge(next)
        for (const note of next.notes.filter((text) => !plan.notes.includes(text))) say(note)
        if (next.url !== plan.url) ownHub = await wantsHub(next, flags, say)
        plan = next
        say(`${from.file} has changed`)
      } catch (error) {
        say(`${from.file} has changed, but cannot be used; the roles stay as they were\n${messageOf(error)}`)
        return
      }
      await supervisor.become(rolesOf(plan, ownHub, flags))
    }
    using _ = onFileChange(from.file, reload)
    await aborted(context.signal)
  } finally {
    say('stopping …')
    await supervisor.stop()
    ended = Date.now() / 1000
    changed()
    say('stopped')
    own.close()
    lock.close()
  }
}

function rolesOf({ hub, instances, bridge }: Plan, ownHub: boolean, flags: UpFlags): PlannedRole[] {
  return [...(ownHub ? [hub] : []), ...instances, ...(flags.bridge ? [bridge] : [])]
}

/** Whether the hub is one of the roles: asked for, or needed here and not there yet. */
async function wantsHub({ url }: Plan, { hub }: UpFlags, say: (text: string) => void): Promise<boolean> {
  if (hub === false) return false
  const there = await answers(url)
  if (there) say(`a hub answers at ${url}: none is started`)
  if (there || hub) return !there
  if (isLocal(url)) return true
  if (isHere(url))
    say(`no hub answers at ${url}: run one there, since it has to be told who may connect (ocs hub --help)`)
  return false
}

/** Whether something listens at an address. */
export function answers(url: string): Promise<boolean> {
  const { hostname: name, port, protocol } = new URL(url)
  const fallback = { 'mqtt:': 1883, 'mqtts:': 8883, 'ws:': 80, 'wss:': 443 }[protocol] ?? 1883
  return new Promise((done) => {
    const socket = connect({ host: name.replace(/^\[|\]$/g, ''), port: Number(port) || fallback })
    const end = (is: boolean) => {
      socket.destroy()
      done(is)
    }
    socket.setTimeout(PROBE_MS, () => end(false))
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })
}
