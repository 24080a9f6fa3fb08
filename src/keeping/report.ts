import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { arch, cpus, hostname, release, tmpdir, totalmem, uptime } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { check } from '../check/check.ts'
import type { CheckFlags } from '../check/finding.ts'
import { ConfigError, messageOf } from '../core/errors.ts'
import { redactedJson } from '../core/redact.ts'
import { lastLines } from '../host/role-logs.ts'
import { shownUp } from '../host/shown-up.ts'
import { findUp } from '../host/up-state.ts'
import { hubInfo } from '../lab/hub-info.ts'
import { joinLab } from '../launch/join-lab.ts'
import { defaultDataDir } from '../launch/places.ts'
import { version } from '../launch/version.ts'
import { freeSpaceNow } from '../machine/free-space.ts'
import { statePath } from '../machine/state-path.ts'
import { readAudit } from '../principals/audit-file.ts'
import { openedSpools, spoolSummary } from '../runtime/spool/spool-summary.ts'
import { readText, siteFile } from '../site/find.ts'
import { plainSite } from '../site/plain.ts'
import type { Context } from '../terminal/context.ts'
import { DATA_DIR, namedValues } from './named-values.ts'
import { Secrets } from './secrets.ts'
import { pack, TAR_NAME } from './tar.ts'
import { timeName } from './time-name.ts'

/** Flags of `ocs report`. */
export interface ReportFlags extends Omit<CheckFlags, 'bridgeUrl'> {
  readonly out?: string
}

/** Lines of each log, and of what the hub has kept of who did what. */
const LINES = 1000
/** Variables that change what ocs does. */
const VARIABLES = /^(?:OCS_|XDG_|INFLUXDB_|STATE_DIRECTORY$|LANG$|LC_|TZ$|TERM$|NO_COLOR$|NODE_|BUN_|PATH$)/

const README = `What a maintainer of ocs needs to find a fault here; made by "ocs report".
Passwords, tokens, communities and users of URLs are removed; host names, addresses, paths and instance names are not.
Read it before you send it.

machine.json  version, system, memory, environment
site.yaml     the site file, without its comments
check.json    what "ocs check" finds
ps.json       what "ocs up" runs
spools.json   what waits to be recorded
state.json    the files of state and logs: bytes and rights
disk.json     room where state, logs and recordings are
hub.json      what the hub says of itself, its limits, and who is on it
audit.json    who was let in or refused lately, and who asked for what; where the hub runs
logs/         the last ${LINES} lines of each log
`

/**
 * Collects what a maintainer needs into a folder, or an archive where the name ends in `.tar.gz`. What cannot be had is told in its
 * place, and keeps nothing else from being collected. Changes nothing but that.
 * @returns where it is
 * @throws ConfigError when it already exists, or cannot be written
 */
export async function report(flags: ReportFlags, context: Context): Promise<string> {
  const out = resolve(flags.out ?? `ocs-report-${hostname()}-${timeName()}.tar.gz`)
  // Nothing of a folder that is there is mixed with it.
  if (existsSync(out)) throw new ConfigError(`${out} already exists: choose another with --out`)
  const isFolder = !TAR_NAME.test(out)
  const folder = isFolder ? out : mkdtempSync(join(tmpdir(), 'ocs-report-'))
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    await collect(folder, flags, context)
    if (!isFolder) await pack(folder, out)
  } finally {
    if (!isFolder) rmSync(folder, { recursive: true })
  }
  return out
}

async function collect(folder: string, flags: ReportFlags, context: Context): Promise<void> {
  const { env } = context
  const state = statePath(flags.stateDir, env)
  const secrets = new Secrets()
  secrets.environment(env)
  const site = await told(async () => await siteOf(flags, env))
  // Known before anything is written: a text may have what stands further down.
  secrets.without(site)
  const up = await told(() => shownUp(findUp(flags, context).state))
  const logs = logFolders(flags, state, site, up)
  const parts: Readonly<Record<string, () => unknown>> = {
    'machine.json': () => machine(env),
    'check.json': async () => await check({ ...flags, bridgeUrl: '' }, context),
    'ps.json': () => up,
    'spools.json': () => openedSpools(state).map(spoolSummary),
    'state.json': () => filesIn([state, ...logs]),
    'disk.json': () => [state, ...logs, ...dataDirs(site, env)].map(roomAt),
    'hub.json': async () => await hubOf(flags, context),
    'audit.json': () => readAudit(state).slice(-LINES),
  }
  // Logs of one name may come from two folders.
  const write = (name: string, text: string) =>
    writeFileSync(join(folder, name), text, { mode: 0o600, flag: 'a' })
  write('README', README)
  write('site.yaml', `${Bun.YAML.stringify(secrets.without(site), null, 2)}\n`)
  for (const [name, part] of Object.entries(parts)) {
    context.err(`${name} …\n`)
    write(name, `${redactedJson(secrets.without(await told(part)), 2)}\n`)
  }
  mkdirSync(join(folder, 'logs'), { mode: 0o700 })
  for (const file of logs.flatMap(logsIn)) {
    const lines = lastLines(file, LINES).map((line) => secrets.hide(line))
    write(join('logs', basename(file)), lines.map((line) => `${line}\n`).join(''))
  }
  chmodSync(folder, 0o700)
}

/** What a part comes to, or why it cannot be had. */
async function told(part: () => unknown): Promise<unknown> {
  try {
    return await part()
  } catch (error) {
    return { problem: messageOf(error) }
  }
}

async function siteOf(flags: ReportFlags, env: Context['env']): Promise<unknown> {
  const file = resolve(siteFile({ ...flags, configDir: env['OCS_CONFIG_DIR'] }))
  return plainSite(await readText(file), file)
}

function machine(env: Context['env']): unknown {
  return {
    made: new Date().toISOString(),
    version,
    bun: Bun.version,
    system: `${process.platform} ${release()} ${arch()}`,
    host: hostname(),
    cpus: cpus().length,
    memory: totalmem(),
    up_s: Math.round(uptime()),
    program: process.argv.slice(0, 2),
    folder: process.cwd(),
    account: process.getuid?.(),
    environment: Object.fromEntries(Object.entries(env).filter(([name]) => VARIABLES.test(name))),
  }
}

/** Where logs may be: the flag, that of each host of the site file, that of the last `ocs up`, and the usual folder. */
function logFolders(flags: ReportFlags, state: string, site: unknown, up: unknown): string[] {
  const log = (up as { log?: unknown } | null)?.log
  const own = [flags.logDir, typeof log === 'string' ? join(log, '..') : undefined, join(state, 'logs')]
  const all = [...own, ...namedValues(site, /^log-dir$/)].flatMap((path) =>
    path === undefined ? [] : [resolve(path)],
  )
  return [...new Set(all)].filter((path) => existsSync(path))
}

function dataDirs(site: unknown, env: Context['env']): string[] {
  const named = namedValues(site, DATA_DIR).map((path) => resolve(path))
  return [...new Set(named.length > 0 ? named : [defaultDataDir(env)])]
}

function roomAt(folder: string): unknown {
  try {
    return { folder, ...freeSpaceNow(folder) }
  } catch (error) {
    return { folder, problem: messageOf(error) }
  }
}

/** The files of folders, of which one may lie in another. */
function filesIn(folders: readonly string[]): unknown[] {
  const there = folders.filter((folder) => existsSync(folder))
  const paths = there.flatMap((folder) =>
    readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name))),
  )
  return [...new Set(paths)].flatMap((path) => {
    const about = statSync(path, { throwIfNoEntry: false })
    return about?.isFile() ? [{ path, bytes: about.size, mode: (about.mode & 0o777).toString(8) }] : []
  })
}

function logsIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => (name.endsWith('.log') ? [join(folder, name)] : []))
}

/** What a hub says of itself, and who is on it. @throws TransportError when it is not reached */
async function hubOf(flags: ReportFlags, context: Context): Promise<unknown> {
  let told: unknown
  const quiet = { ...context, err: () => {} }
  await joinLab(flags, quiet, async ({ bus, url, root, lab }) => {
    const info = await hubInfo(bus, root)
    const agents = [...lab.instances].map(([instance, view]) => ({
      instance,
      state: view.state,
      ...(view.ahead !== undefined && { clock_ahead_s: view.ahead }),
      presence: view.presence,
    }))
    told = {
      url,
      root,
      hub: info ?? { problem: 'a broker other than ocs hub, or of another address root' },
      agents,
    }
  })
  return told
}
