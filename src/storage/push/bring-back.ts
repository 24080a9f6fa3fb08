import { dirname, join } from 'node:path'
import { ConfigError, OpError, UsageError } from '../../core/errors.ts'
import { awayFrom } from '../elsewhere/manifest.ts'
import { disk } from '../recorder/disk.ts'
import { manifestOf } from '../recorder/file-list.ts'
import { ownPath } from '../recorder/own-folder.ts'
import { filesOf } from '../recorder/recover.ts'

/** A file of a data directory that is in stores, and whether it is here as well. */
export interface Placed {
  readonly file: string
  readonly size: number
  /** The stores that have it, the newest first, and when it was last read back there, unix s. */
  readonly stores: readonly string[]
  readonly verified: number
  readonly here: boolean
}

/**
 * The files that the manifest of a data directory names, in its order. @throws ConfigError if it cannot be
 * read
 */
export async function placedIn(dir: string): Promise<Placed[]> {
  const manifest = await manifestOf(disk, dir)
  const away = new Set(awayFrom(manifest, await filesHere(dir)).map(([{ file }]) => file))
  return [...manifest.values()]
    .map((copies): Placed => {
      const [{ file, size, verified }] = copies
      return { file, size, stores: copies.map(({ store }) => store), verified, here: !away.has(file) }
    })
    .sort((a, b) => (a.file < b.file ? -1 : 1))
}

async function filesHere(dir: string): Promise<string[]> {
  try {
    return [...(await filesOf(disk, dir)), ...(await filesOf(disk, dir, [], '.g3.gz'))]
  } catch (cause) {
    throw new ConfigError(`${dir} cannot be read: give a recorder's data directory`, { cause })
  }
}

/**
 * The files selected by words: paths in the data directory, or folders; only files that are not here.
 * @throws UsageError for a word that matches nothing in the manifest
 */
export function wantedOf(placed: readonly Placed[], words: readonly string[]): Placed[] {
  const wanted = new Set<Placed>()
  for (const word of words) {
    const name = word.replace(/^\.\//, '').replace(/\/+$/, '')
    const meant = placed.filter(({ file }) => file === name || file.startsWith(`${name}/`))
    if (meant.length === 0) throw new UsageError(`no pushed file is "${word}": ocs archive ls lists them`)
    for (const one of meant) if (!one.here) wanted.add(one)
  }
  return [...wanted]
}

/**
 * Puts a file back in its original place.
 * @param copy a copy of it on this machine, already compared with what was pushed
 * @throws OpError if the file exists by now
 */
export async function bringBack(dir: string, file: string, copy: string): Promise<void> {
  const temporary = ownPath(dir, `back-${process.pid}`)
  await disk.remove(temporary)
  const written = await disk.create(temporary)
  try {
    await written.write(await disk.read(copy), 0)
    await written.datasync()
  } finally {
    await written.close()
  }
  const path = join(dir, file)
  try {
    await disk.makeFolder(dirname(path))
    await disk.link(temporary, path)
    await disk.syncFolder(dirname(path))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    throw new OpError(`${path} is there already`, { cause })
  } finally {
    await disk.remove(temporary)
  }
}
