import type { BigIntStats } from 'node:fs'
import { constants, type FileHandle, link, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Identifies a file or folder; with its size in bytes. */
export interface FileId {
  readonly dev: bigint
  readonly ino: bigint
  readonly size: number
}

/** A file open for appending. */
export interface DiskFile {
  /** Writes all of `bytes` at byte `at`, in one call if the system accepts them at once. */
  write(bytes: Uint8Array, at: number): Promise<void>
  /** Resolves once the written bytes survive a power cut (`fdatasync`). */
  datasync(): Promise<void>
  truncate(length: number): Promise<void>
  /** The open file itself, whatever its path leads to by now. */
  stat(): Promise<FileId>
  close(): Promise<void>
}

/**
 * The file functions of the recorder, so that tests can substitute a disk that is full, fails, or forgets.
 */
export interface Disk {
  /** Creates a file. @throws with code EEXIST if it exists */
  create(path: string): Promise<DiskFile>
  /** Opens an existing file for writing. */
  open(path: string): Promise<DiskFile>
  /** The target of a path; undefined if there is none. */
  stat(path: string): Promise<FileId | undefined>
  /**
   * Up to `length` bytes from the beginning, all of them by default.
   * @throws with code ENOTFILE if it is a pipe, a device or a folder
   */
  read(path: string, length?: number): Promise<Uint8Array>
  /** Names in a folder; those of folders, also through a link, end with a slash. */
  list(path: string): Promise<string[]>
  /** Creates a folder and its parents. */
  makeFolder(path: string): Promise<void>
  /** A second name for a file. @throws with code EEXIST if the name is taken */
  link(from: string, to: string): Promise<void>
  /** Removes a file; does nothing if there is none. */
  remove(path: string): Promise<void>
  /** Resolves once the names in a folder survive a power cut. */
  syncFolder(path: string): Promise<void>
}

/** The real disk. It never blocks the event loop, however slow the disk. */
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
    // Opening a pipe would wait for a writer.
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

/** Errors for a path that leads nowhere (any more). */
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
