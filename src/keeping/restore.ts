import { Database } from 'bun:sqlite'
import {
  closeSync,
  cpSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ConfigError, OpError, UsageError } from '../core/errors.ts'
import { mustKnowVersion } from '../machine/file-version.ts'
import { isLocked } from '../machine/lock-file.ts'
import { lockHolder } from '../machine/lock-holder.ts'
import { statePath } from '../machine/state-path.ts'
import { SESSIONS_VERSION } from '../runtime/session-store.ts'
import { SPOOL_VERSION } from '../runtime/spool/spool-file.ts'
import { lockPath } from '../storage/recorder/lock.ts'
import type { Context } from '../terminal/context.ts'
import { isKept } from './backup.ts'
import { filesBeneath, type Manifest, openBackup, parts, sumOf } from './backup-contents.ts'
import { unpack } from './tar.ts'
import { timeName } from './time-name.ts'

/** Seconds by which a file system's times may be behind the clock. */
const CLOCK_S = 0.1

/** Flags of `ocs restore`. */
export interface RestoreFlags {
  readonly stateDir?: string
  /** Where the recordings go, in the order in which they were put in; by default where they were. */
  readonly dataDir?: readonly string[]
  /** Where the site file goes; by default where it was. */
  readonly siteFile?: string
}

/**
 * Puts back what `ocs backup` has kept. All is checked before anything is changed, and nothing is thrown away: state that is there
 * and older is moved into `before-restore-TIME` of the state folder.
 * @returns what was done, a line each
 * @throws OpError where something runs; ConfigError for a backup that cannot be used, and where something newer would be lost
 */
export async function restore(file: string, flags: RestoreFlags, { env }: Context): Promise<string[]> {
  if (!existsSync(file)) throw new ConfigError(`there is no ${file}`)
  const state = statePath(flags.stateDir, env)
  mkdirSync(state, { recursive: true, mode: 0o700 })
  const folder = mkdtempSync(join(state, '.restore-'))
  try {
    await unpack(resolve(file), folder)
    const manifest = await openBackup(folder, file)
    const { dataDir = manifest.recordings } = flags
    if (dataDir.length !== manifest.recordings.length)
      throw new UsageError(
        `${file} has ${manifest.recordings.length} data directories: ${manifest.recordings.join(', ') || 'none'}; give a --data-dir for each, or none`,
      )
    const recordings = dataDir.map((path) => resolve(path))
    mustNotRun(state, recordings)
    mustKnow(join(folder, parts.state))
    await mustBeOlder(state, manifest)
    for (const path of recordings) mustBeFree(path)
    return [
      ...putState(folder, state),
      ...recordings.map((path, at) => putRecordings(join(folder, parts.recordings, String(at)), path)),
      ...(await putSite(folder, flags.siteFile ?? manifest.site_file)),
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @throws OpError while an agent, a recorder or an `ocs up` has something of it */
function mustNotRun(state: string, recordings: readonly string[]): void {
  const ours = readdirSync(state, { recursive: true })
    .map(String)
    .filter((path) => path.endsWith('.lock') && (isKept(dirname(path)) || dirname(path) === 'up'))
    .map((path) => join(state, path))
  for (const path of [...ours, ...recordings.map(lockPath)])
    if (isLocked(path))
      throw new OpError(`${path} is in use by ${lockHolder(path) ?? 'a process'}: stop it first (ocs down)`)
}

/** @throws ConfigError for databases that a newer ocs wrote */
function mustKnow(folder: string): void {
  for (const path of filesBeneath(folder).filter((name) => name.endsWith('.sqlite'))) {
    using db = new Database(join(folder, path), { readonly: true })
    const { user_version } = db.query('PRAGMA user_version').get() as { user_version: number }
    const known = path.endsWith('.sessions.sqlite') ? SESSIONS_VERSION : SPOOL_VERSION
    mustKnowVersion(`${path} of the backup`, user_version, known, 'restore it with the newer one')
  }
}

/** @throws ConfigError when something in the state folder has changed since the backup was made */
async function mustBeOlder(state: string, { made, files }: Manifest): Promise<void> {
  const kept = readdirSync(state, { recursive: true }).map(String).filter(isKept)
  for (const path of kept) {
    const own = join(state, path)
    if (!statSync(own).isFile()) continue
    if (Math.max(changed(own), changed(`${own}-wal`)) + CLOCK_S <= made) continue
    const same = files[join(parts.state, path)]
    if (same && (await sumOf(own)).sha256 === same.sha256) continue
    throw new ConfigError(
      `${own} is newer than the backup, which is of ${new Date(made * 1000).toISOString()}: to restore it anyway, move ${state} aside first`,
    )
  }
}

/** When a file was written last, unix s; 0 for one that is not there, or empty, as reading a database leaves its log. */
function changed(path: string): number {
  const about = statSync(path, { throwIfNoEntry: false })
  return about && about.size > 0 ? about.mtimeMs / 1000 : 0
}

/** @throws ConfigError where there are recordings already */
function mustBeFree(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new ConfigError(
      `${folder} is not empty: recordings are never overwritten. Move it aside, or choose another folder with --data-dir`,
    )
}

function putState(folder: string, state: string): string[] {
  const restored = join(folder, parts.state)
  const before = `before-restore-${timeName()}`
  const old = readdirSync(state).filter(isKept)
  if (old.length > 0) mkdirSync(join(state, before), { mode: 0o700 })
  for (const name of old) renameSync(join(state, name), join(state, before, name))
  for (const path of filesBeneath(restored)) sync(join(restored, path))
  for (const name of readdirSync(restored)) renameSync(join(restored, name), join(state, name))
  sync(state)
  return [
    `restored the state in ${state}`,
    ...(old.length > 0 ? [`the previous contents are in ${join(state, before)}`] : []),
  ]
}

function putRecordings(from: string, to: string): string {
  mkdirSync(to, { recursive: true })
  cpSync(from, to, { recursive: true, preserveTimestamps: true })
  for (const path of filesBeneath(to)) sync(join(to, path))
  return `restored the recordings in ${to}`
}

/** Puts the site file back; one that is there and differs stays, since somebody may have changed it for good reason. */
async function putSite(folder: string, to: string | null): Promise<string[]> {
  const from = join(folder, parts.site)
  if (to === null || !existsSync(from)) return []
  if (existsSync(to) && (await sumOf(to)).sha256 === (await sumOf(from)).sha256) return [`${to} is as it was`]
  const where = existsSync(to) ? `${to}.restored` : to
  mkdirSync(dirname(where), { recursive: true })
  cpSync(from, where)
  return [
    where === to ? `restored ${to}` : `${to} has changed since the backup; the backup's copy is ${where}`,
  ]
}

function sync(path: string): void {
  const fd = openSync(path, 'r')
  fsyncSync(fd)
  closeSync(fd)
}
