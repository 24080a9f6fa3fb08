import { lstat, readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError, messageOf } from '../../core/errors.ts'

/**
 * The `.g3` files beneath a folder, at any depth, also through links; sorted relative paths.
 * @param unreadable called for folders that cannot be read, with the reason
 * @throws ConfigError if the folder itself cannot be read
 */
export async function filesBeneath(
  dir: string,
  unreadable: (folder: string, reason: string) => void,
): Promise<string[]> {
  const found: string[] = []
  const folders = ['']
  // Links may form a cycle.
  const linked = new Set([await linkedFolder(dir)])
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    try {
      for (const item of await readdir(join(dir, folder), { withFileTypes: true })) {
        const path = join(folder, item.name)
        const to = item.isSymbolicLink() ? await linkedFolder(join(dir, path)) : undefined
        if (item.isDirectory() || (to !== undefined && !linked.has(to))) folders.push(path)
        else if (to === undefined && /\.g3(\.gz)?$/.test(item.name)) found.push(path)
        if (to !== undefined) linked.add(to)
      }
    } catch (cause) {
      if (folder === '') {
        const text = `${dir}: ${messageOf(cause)}: name a folder of .g3 files with --data-dir`
        throw new ConfigError(text, { cause })
      }
      unreadable(folder, messageOf(cause))
    }
  }
  return found.sort()
}

/** Whether a path is a link, possibly a dangling one. */
export async function isLink(path: string): Promise<boolean> {
  const about = await lstat(path).catch(() => undefined)
  return about?.isSymbolicLink() ?? false
}

/** The target of a link, if it is a folder. */
async function linkedFolder(path: string): Promise<string | undefined> {
  try {
    const to = await realpath(path)
    return (await stat(to)).isDirectory() ? to : undefined
  } catch {
    return undefined
  }
}
