import { constants, type FileHandle, link, mkdir, open, readdir, rm } from 'node:fs/promises'

/** A file being written at its end. */
export interface DiskFile {
  /** Writes all of `bytes` at byte `at`, in one call where the system takes them at once. */
  write(bytes: Uint8Array, at: number): Promise<void>
  /** Resolves once what was written survives a power cut (`fdatasync`). */
  datasync(): Promise<void>
  truncate(length: number): Promise<void>
  close(): Promise<void>
}

/** The file functions of the recorder, so that tests can stand in a disk that is full, failing, or forgets. */
export interface Disk {
  /** Makes a file. @throws with code EEXIST when there is one */
  create(path: string): Promise<DiskFile>
  /** Opens a file that is there, for writing. */
  open(path: string): Promise<DiskFile>
  /** Up to `length` bytes from the beginning, all of them by default. */
  read(path: string, length?: number): Promise<Uint8Array>
  /** Names in a folder, those of folders with a slash behind. */
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
  async read(path, length) {
    await using handle = await open(path, 'r')
    const size = Math.min((await handle.stat()).size, length ?? Infinity)
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
    return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
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
    close: () => handle.close(),
  }
}
