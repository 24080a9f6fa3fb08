import { constants } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { isAbsolute, join, relative } from 'node:path'
import { OpError } from '../core/errors.ts'

/** The most bytes of a file named over the bus. */
const MOST = 1 << 20

/**
 * Reads a file that a client has named over the bus: only a regular file of at most 1 MiB beneath a folder,
 * after resolving links.
 * @param folder the only place where it may be; undefined: nowhere
 * @throws OpError that reveals nothing about files elsewhere or their contents
 */
export async function readBeneath(folder: string | undefined, name: string): Promise<string> {
  if (folder === undefined)
    throw new OpError(`${name} is not read: no folder for such files is set (--files-dir, OCS_CONFIG_DIR)`)
  const no = new OpError(
    `${name} is not a readable file of at most ${MOST >> 20} MiB in ${folder} (--files-dir)`,
  )
  const [path, top] = await Promise.all([
    realpath(isAbsolute(name) ? name : join(folder, name)).catch(() => ''),
    realpath(folder).catch(() => ''),
  ])
  const inside = relative(top, path)
  if (path === '' || top === '' || inside === '' || inside.startsWith('..') || isAbsolute(inside)) throw no
  // A FIFO without a writer is opened without blocking and then refused.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW
  const file = await open(path, flags).catch(() => undefined)
  if (!file) throw no
  try {
    const about = await file.stat()
    if (!about.isFile() || about.size > MOST) throw no
    const bytes = Buffer.alloc(about.size)
    const { bytesRead } = await file.read(bytes, 0, about.size, 0)
    return bytes.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
