import type { BigIntStats } from 'node:fs'
import { constants, type FileHandle, link, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** What tells a file or folder from others, and its bytes. */
export interface FileId {
  readonly dev: bigint
  readonly ino: bigint
  readonly size: number
}

/** A file being written at its end. */
export interface DiskFile {
  /** Writes all of `bytes` at byte `at`, in one call where the system takes them at once. */
  write(bytes: Uint8Array, at: number): Promise<void>
  /** Resolves once what was written survives a power cut (`fdatasync`). */
  datasync(): Promise<void>
  truncate(length: number): Promise<void>
  /** The file itself, whatever its path leads to by now. */
  stat(): Promise<FileId>
  close(): Promise<void>
}

/** The file functions of the recorder, so that tests can stand in a disk that is full, failing, or forgets. */
export interface Disk {
  /** Makes a file. @throws with code EEXIST when there is one */
  create(path: string): Promise<DiskFile>
  /** Opens a file that is there, for writing. */
  open(path: string): Promise<DiskFile>
  /** What a path leads to; undefined when that is nothing. */
  stat(path: string): Promise<FileId | undefined>
  /**
   * Up to `length` bytes from the beginning, all of them by default.
   * @throws with code ENOTFILE when it is a pipe, a device or a folder
   */
  read(path: string, length?: number): Promise<Uint8Array>
  /** Names in a folder, those of folders, also by a link, with a slash behind. */
  list(path: string): Promise<string[]>
  /** Makes a folder and those above it. */
  makeFolder(path: string): Promise<void>
  /** A second name for a file. @throws with code EEXIST when the name is taken */
  link(from: string, to: string): Promise<void>
  /** Removes a file; one that is not there is fine. */
  remove(path: string): Promise<void>
  /** Resolves once the names in a folder survive a power cut. */
  syncFolder(path: string): Promise<void>
}

/** The real disk. Nothing of it blocks the event loop, however slow the disk. */
export const disk: Disk = {
  create: async (path) => diskFile(await open(path, 'wx', 0o644)),
  open: async (path) => diskFile(await open(path, constants.O_WRONLY)),
  async stat(path) {
    try {
      return idOf(await stat(path, { bigint: true }))
    } catch (error) {
      if (GONE.has((error as NodeJS.ErrnoException).code ?? '')) return undefined
      throw error
    }
  },
  async read(path, length) {
    // A pipe would keep whoever opens it waiting for a writer.
    await using handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const about = await handle.stat()
    if (!about.isFile()) throw Object.assign(new Error(`${path} is not a regular file`), { code: 'ENOTFILE' })
    const size = Math.min(about.size, length ?? Infinity)
    const bytes = new Uint8Array(size)
    let at = 0
    while (at < size) {
      const { bytesRead } = await handle.read(bytes, at, size - at, at)
      if (bytesRead === 0) break
      at += bytesRead
    }
    return bytes.subarray(0, at)
  },
  async list(path) {
    const entries = await readdir(path, { withFileTypes: true })
    return Promise.all(
      entries.map(async (entry) => {
        const linked = () =>
          stat(join(path, entry.name)).then(
            (found) => found.isDirectory(),
            () => false,
          )
        return entry.isDirectory() || (entry.isSymbolicLink() && (await linked()))
          ? `${entry.name}/`
          : entry.name
      }),
    )
  },
  makeFolder: async (path) => {
    await mkdir(path, { recursive: true })
  },
  link,
  remove: (path) => rm(path, { force: true }),
  async syncFolder(path) {
    await using handle = await open(path, 'r')
    await handle.sync()
  },
}

/** What systems say of a path that leads nowhere (any more). */
const GONE = new Set(['ENOENT', 'ENOTDIR', 'ESTALE'])

function idOf({ dev, ino, size }: BigIntStats): FileId {
  return { dev, ino, size: Number(size) }
}

function diskFile(handle: FileHandle): DiskFile {
  return {
    async write(bytes, at) {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done)
        done += bytesWritten
      }
    },
    datasync: () => handle.datasync(),
    truncate: (length) => handle.truncate(length),
    stat: async () => idOf(await handle.stat({ bigint: true })),
    close: () => handle.close(),
  }
}
