import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { OpError } from '../core/errors.ts'
import type { SiteOptions } from '../launch/choose-site.ts'
import { statePath } from '../machine/state-path.ts'
import { siteFile } from '../site/find.ts'
import type { Context } from '../terminal/context.ts'
import { RoleState } from './roles.ts'

const UpState = z.object({
  pid: z.int(),
  /** The kernel's start time of that process: another process with the same pid has a different one. */
  began: z.string(),
  site_file: z.string(),
  host: z.string(),
  /** Unix s. */
  started: z.number(),
  /** Unix s; null while it runs. */
  ended: z.number().nullable(),
  log: z.string(),
  roles: z.array(RoleState),
  /** Instances that should be up but cannot be run here, and why. */
  left_out: z.array(z.object({ name: z.string(), why: z.string() })).default([]),
})
/** The state that `ocs up` writes. */
export type UpState = z.output<typeof UpState>

/** Flags that choose an `ocs up`. */
export interface UpChoice extends Pick<SiteOptions, 'site' | 'siteFile' | 'siteHost'> {
  readonly stateDir?: string
}

/** The state file of `ocs up` for a host of a site file. */
export function upPath(stateDir: string, file: string, host: string): string {
  const key = Bun.hash(resolve(file)).toString(36)
  return join(stateDir, 'up', `${host}-${key}.json`)
}

/** Path prefix of the copies of site files with which the roles of one host run. */
function copyPrefix(stateDir: string, file: string, host: string): string {
  return upPath(stateDir, file, host).replace(/json$/, 'site-')
}

/**
 * Stores the text of a site file, so that a role that dies can be restarted with the same text, even if the
 * file has changed.
 * @returns its path; undefined if it cannot be written: the roles then read the file itself
 */
export function keepSite(stateDir: string, file: string, host: string, text: string): string | undefined {
  const path = `${copyPrefix(stateDir, file, host)}${Bun.hash(text).toString(36)}.yaml`
  try {
    mkdirSync(dirname(path), { recursive: true })
    // It may contain the password of a mail server.
    writeFileSync(`${path}.new`, text, { mode: 0o600 })
    renameSync(`${path}.new`, path)
    return path
  } catch {
    return undefined
  }
}

/** Removes copies with which no role runs any more. */
export function forgetSites(stateDir: string, file: string, host: string, used: ReadonlySet<string>): void {
  const prefix = copyPrefix(stateDir, file, host)
  const folder = dirname(prefix)
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (path.startsWith(prefix) && !used.has(path)) rmSync(path, { force: true })
  }
}

/** Writes the state atomically: a reader finds either the old or the new one. */
export function writeUpState(path: string, state: UpState): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(state, undefined, 2)}\n`)
  renameSync(`${path}.new`, path)
}

/** Reads a state file; undefined if there is none that can be read. */
export function readUpState(path: string): UpState | undefined {
  try {
    return UpState.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return undefined
  }
}

/**
 * The `ocs up` that is meant, or the last one that ran. The site file itself is not read: it may be broken by
 * now.
 * @throws OpError when there is none, or several
 */
export function findUp(choice: UpChoice, { env }: Pick<Context, 'env'>): { path: string; state: UpState } {
  const folder = join(statePath(choice.stateDir, env), 'up')
  const named =
    choice.siteFile !== undefined || choice.site !== undefined || env['OCS_CONFIG_DIR']
      ? resolve(siteFile({ ...choice, configDir: env['OCS_CONFIG_DIR'] }))
      : undefined
  const found = filesOf(folder).flatMap((name) => {
    const path = join(folder, name)
    const state = readUpState(path)
    const fits =
      state &&
      (named === undefined || state.site_file === named) &&
      (choice.siteHost === undefined || state.host === choice.siteHost)
    return fits ? [{ path, state }] : []
  })
  const alive = found.filter(({ state }) => isAlive(state))
  const [one, other] = alive.length > 0 ? alive : found
  if (!one) {
    const what = named === undefined ? '' : ` for ${named}`
    throw new OpError(`ocs up does not run${what} (no state in ${folder}): start it, or pass its --state-dir`)
  }
  if (other) {
    const all = (alive.length > 0 ? alive : found).map(({ state }) => `${state.host} of ${state.site_file}`)
    throw new OpError(`several are running: pass --site-file and --site-host, for one of ${all.join(', ')}`)
  }
  return one
}

/** Whether the process that wrote the state still runs. */
export function isAlive({ pid, began, ended }: UpState): boolean {
  return ended === null && processBegan(pid) === began
}

/** When a process began, in the kernel's ticks; undefined if it does not exist (a zombie does not count). */
export function processBegan(pid: number): string | undefined {
  try {
    // proc(5): the name, in parentheses, may contain anything; state and starttime are fields 3 and 22.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return process.platform === 'linux' ? undefined : aliveElsewhere(pid)
  }
}

/** On other systems than Linux the start time is not available. */
function aliveElsewhere(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
    return 'unknown'
  } catch {
    return undefined
  }
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.json'))
  } catch {
    return []
  }
}
