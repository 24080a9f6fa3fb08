import { Database } from 'bun:sqlite'
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'
import { namesSite, type SiteOptions } from '../launch/choose-site.ts'
import { version } from '../launch/version.ts'
import { statePath } from '../machine/state-path.ts'
import { isDamage } from '../runtime/spool/spool-file.ts'
import { readText, siteFile } from '../site/find.ts'
import { plainSite } from '../site/plain.ts'
import type { Context } from '../terminal/context.ts'
import { type Manifest, parts, sealBackup } from './backup-contents.ts'
import { DATA_DIR, namedValues } from './named-values.ts'
import { pack } from './tar.ts'

/** Flags of `ocs backup`. */
export interface BackupFlags extends Pick<SiteOptions, 'site' | 'siteFile'> {
  readonly stateDir?: string
  /** Data directories that are to be in it. */
  readonly dataDir?: readonly string[]
}
/** A backup that was made, and what somebody might miss in it. */
export interface MadeBackup {
  readonly manifest: Manifest
  readonly leftOut: readonly string[]
}

/** Folders of a state folder that hold nothing of their own: indexes are made anew, `up` is about processes. */
const NOT_KEPT = /^(?:archives|logs|up|\.restore-.*|before-restore-.*)$/
/** Files that hold what processes have to do with each other, and what SQLite keeps beside a database, whose copy has it. */
const BESIDE = /(?:\.lock(?:-journal|-wal|-shm)?|\.new|\.sqlite-(?:wal|shm|journal))$/
/** Of a recorder's own folder, what is about the disk and the process, not about the recordings. */
const OF_THE_DISK = /^\.ocs\/(?:lock(?:-journal|-wal|-shm)?|push-reserve)$/

/** Whether a path of a state folder is in a backup. */
export function isKept(path: string): boolean {
  return !NOT_KEPT.test(path.split('/')[0] ?? '') && !BESIDE.test(path)
}

/**
 * Puts the state of a host into one file, while its roles run: each spool and each history as it is at one moment. Spools are read
 * before recordings, so a row that a spool has let go of by then is in the recordings.
 * @throws ConfigError when there is no state, or it cannot be read or written
 */
export async function backup(file: string, flags: BackupFlags, context: Context): Promise<MadeBackup> {
  const { env } = context
  const to = resolve(file)
  const state = statePath(flags.stateDir, env)
  if (!existsSync(state))
    throw new ConfigError(`there is no ${state}: name the state folder with --state-dir`)
  const recordings = (flags.dataDir ?? []).map((folder) => resolve(folder))
  for (const folder of recordings)
    if (!existsSync(folder))
      throw new ConfigError(`there is no ${folder}: name a data directory with --data-dir`)
  const site = namesSite(flags, env)
    ? resolve(siteFile({ ...flags, configDir: env['OCS_CONFIG_DIR'] }))
    : null
  const made = Date.now() / 1000
  // Beside the backup, where there has to be room for it in any case.
  mkdirSync(dirname(to), { recursive: true })
  const folder = mkdtempSync(join(dirname(to), `.${basename(to)}-`))
  try {
    copyTree(state, join(folder, parts.state), isKept)
    if (site !== null) copyInto(site, join(folder, parts.site))
    for (const [at, one] of recordings.entries())
      copyTree(
        one,
        join(folder, parts.recordings, String(at)),
        (path) => !BESIDE.test(path) && !OF_THE_DISK.test(path),
      )
    const manifest = await sealBackup(folder, {
      made,
      ocs: version,
      host: hostname(),
      state,
      site_file: site,
      recordings,
    })
    await pack(folder, to)
    return { manifest, leftOut: await notIn(manifest) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What somebody might look for in a backup in vain. */
async function notIn({ site_file, recordings }: Manifest): Promise<string[]> {
  const rest = ['logs, and archive indexes, which are rebuilt']
  if (site_file === null)
    return [...rest, 'the site file (--site-file adds it)', 'recordings (--data-dir adds them)']
  const site = await readText(site_file)
    .then((text) => plainSite(text, site_file))
    .catch(() => undefined)
  const missing = [...new Set(namedValues(site, DATA_DIR).map((path) => resolve(path)))].filter(
    (path) => !recordings.includes(path),
  )
  return [
    ...rest,
    ...missing.map((path) => `recordings in ${path} (--data-dir ${path} adds them)`),
    'other files named in the site file',
  ]
}

/**
 * Copies the files of a folder that are wanted, with their rights; one that is gone meanwhile is none. Links are followed: an archive
 * may have folders on other disks.
 */
function copyTree(
  from: string,
  to: string,
  wants: (path: string) => boolean,
  above: readonly string[] = [],
): void {
  const real = realpathSync(from)
  if (above.includes(real)) return
  mkdirSync(to, { recursive: true, mode: 0o700 })
  for (const path of readdirSync(from).filter(wants)) {
    const [source, copy] = [join(from, path), join(to, path)]
    const about = statSync(source, { throwIfNoEntry: false })
    if (about?.isDirectory()) copyTree(source, copy, (name) => wants(join(path, name)), [...above, real])
    else if (about?.isFile()) {
      try {
        copyInto(source, copy)
      } catch (error) {
        if (existsSync(source)) throw error
      }
    }
  }
}

/** @throws ConfigError when it cannot be copied */
function copyInto(from: string, to: string): void {
  try {
    if (!from.endsWith('.sqlite') || !copyDatabase(from, to))
      copyFileSync(from, to, constants.COPYFILE_FICLONE)
    chmodSync(to, statSync(from).mode & 0o777)
  } catch (cause) {
    throw new ConfigError(`${from} cannot be backed up: ${messageOf(cause)}`, { cause })
  }
}

/** Copies a database as it is at one moment, also while a process writes to it; false for one that is damaged. */
function copyDatabase(from: string, to: string): boolean {
  const db = new Database(from, { readonly: true })
  try {
    db.run('PRAGMA busy_timeout = 10000')
    db.run('VACUUM INTO ?', [to])
    return true
  } catch (error) {
    if (!isDamage(messageOf(error))) throw error
    rmSync(to, { force: true })
    return false
  } finally {
    db.close()
  }
}
