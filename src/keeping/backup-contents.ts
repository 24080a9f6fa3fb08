import { createReadStream, lstatSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { z } from 'zod'
import { ConfigError, messageOf } from '../core/errors.ts'
import { mustKnowVersion } from '../machine/file-version.ts'
import { digestOf } from '../storage/elsewhere/digest.ts'

/** Of what a backup is; those of the files in it are their own. */
const VERSION = 1
const MANIFEST = 'backup.json'

/** What a backup says of itself. */
export const Manifest = z.object({
  version: z.int(),
  /** The ocs that made it. */
  ocs: z.string(),
  /** Unix s before the first file was read. */
  made: z.number(),
  host: z.string(),
  /** Where the state folder and the site file were; the site file is `site.yaml` of the backup. */
  state: z.string(),
  site_file: z.string().nullable(),
  /** Where the data directories were, which are `recordings/0`, `recordings/1`, … */
  recordings: z.array(z.string()),
  files: z.record(z.string(), z.object({ bytes: z.int(), sha256: z.string() })),
})
export type Manifest = z.output<typeof Manifest>

/** A backup that is laid out in a folder. */
export const parts = { state: 'state', site: 'site.yaml', recordings: 'recordings' } as const

/** Writes what a laid out backup says of itself. */
export async function sealBackup(
  folder: string,
  about: Omit<Manifest, 'version' | 'files'>,
): Promise<Manifest> {
  const files: Manifest['files'] = {}
  for (const path of filesBeneath(folder)) files[path] = await sumOf(join(folder, path))
  const manifest = { version: VERSION, ...about, files }
  await Bun.write(join(folder, MANIFEST), `${JSON.stringify(manifest, undefined, 2)}\n`)
  return manifest
}

/**
 * What an unpacked backup says of itself, after all of it has been found to be as it was written.
 * @param file what to call it
 * @throws ConfigError for what is none, is damaged, or was made by a newer ocs
 */
export async function openBackup(folder: string, file: string): Promise<Manifest> {
  const damaged = (why: string) =>
    new ConfigError(`${file} is not a backup of ocs, or is damaged: ${why}: use another copy`)
  let given: unknown
  try {
    given = JSON.parse(await readFile(join(folder, MANIFEST), 'utf8'))
  } catch (cause) {
    throw damaged(`${MANIFEST}: ${messageOf(cause)}`)
  }
  const { data: versioned } = z.object({ version: z.int() }).safeParse(given)
  if (versioned) mustKnowVersion(file, versioned.version, VERSION, 'restore it with the newer one')
  const { data: manifest } = Manifest.safeParse(given)
  if (!manifest) throw damaged(`${MANIFEST} is not of the expected form`)
  const found = new Set(filesBeneath(folder).filter((path) => path !== MANIFEST))
  for (const [path, { bytes, sha256 }] of Object.entries(manifest.files)) {
    if (!found.delete(path)) throw damaged(`${path} is missing`)
    const is = await sumOf(join(folder, path))
    if (is.bytes !== bytes || is.sha256 !== sha256) throw damaged(`${path} has changed since the backup`)
  }
  for (const path of found) throw damaged(`${path} is not in its list`)
  return manifest
}

/** Size and SHA-256 of a file, of any size. */
export async function sumOf(path: string): Promise<Manifest['files'][string]> {
  const { size: bytes, sha256 } = await digestOf(createReadStream(path))
  return { bytes, sha256 }
}

/** Paths beneath a folder of all that is no folder, sorted. @throws ConfigError for what is no file either: a link leads elsewhere */
export function filesBeneath(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true })
  return all
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name))
    .map((path) => {
      if (lstatSync(path).isFile()) return relative(folder, path)
      throw new ConfigError(`${path} is a link, pipe or device, not a file: remove it`)
    })
    .sort()
}
