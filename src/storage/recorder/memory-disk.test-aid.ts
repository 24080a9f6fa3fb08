import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Disk, DiskFile, FileId } from './disk.ts'

interface Inode {
  readonly number: bigint
  bytes: Uint8Array
  /** The content that certainly survives a power cut. */
  synced: Uint8Array
}

let inodes = 0n
const inodeOf = (bytes: Uint8Array = new Uint8Array()): Inode => ({ number: inodes++, bytes, synced: bytes })
const LOCK = inodeOf()
const idOf = ({ number, bytes }: Inode): FileId => ({ dev: 0n, ino: number, size: bytes.length })

/**
 * A disk in memory that, at a power cut, forgets what was not synced, as a disk may: contents, lengths and
 * names. Each call takes a turn of the event loop, and can be made to fail.
 */
export class MemoryDisk implements Disk {
  /** Error code with which every write call fails; undefined while the disk works. */
  failing: string | undefined
  /** Maximum bytes on the disk. */
  space = Infinity
  /** Names by path; a folder's name ends with a slash. */
  #names = new Map<string, Inode>()
  #syncedNames = new Map<string, Inode>()
  #gone = false

  /** A disk with the content of a real folder. */
  static of(dir: string): MemoryDisk {
    const disk = new MemoryDisk()
    for (const path of readdirSync(dir, { recursive: true }).map(String)) {
      const folder = statSync(join(dir, path)).isDirectory()
      disk.put(join(dir, folder ? `${path}/` : path), folder ? undefined : readFileSync(join(dir, path)))
    }
    return disk
  }

  /** Puts a file, or a folder without bytes, on the disk durably. */
  put(path: string, bytes: Uint8Array = new Uint8Array()): void {
    const inode = inodeOf(bytes)
    this.#names.set(path, inode)
    this.#syncedNames.set(path, inode)
  }

  /** Writes all of it into a real folder. */
  writeTo(from: string, dir: string): void {
    for (const [path, { bytes }] of this.#names) {
      const to = join(dir, relative(from, path))
      mkdirSync(path.endsWith('/') ? to : dirname(to), { recursive: true })
      if (!path.endsWith('/')) writeFileSync(to, bytes)
    }
  }

  /**
   * The disk as it comes back after a power cut; this one stops working. `random(n)` is an integer below n.
   */
  cut(random: (below: number) => number): MemoryDisk {
    this.#gone = true
    const after = new MemoryDisk()
    after.space = this.space
    for (const path of new Set([...this.#names.keys(), ...this.#syncedNames.keys()])) {
      // A name that was not synced may or may not be there; the same holds if its removal was not synced.
      const inode = [this.#names, this.#syncedNames][random(2)]?.get(path)
      const kept = this.#names.get(path) === this.#syncedNames.get(path) ? this.#names.get(path) : inode
      if (kept) after.put(path, leftOf(kept, random))
    }
    return after
  }

  async create(path: string): Promise<DiskFile> {
    await this.#call()
    if (this.#names.has(path)) throw failure('EEXIST', path)
    const inode = inodeOf()
    this.#names.set(path, inode)
    return this.#file(inode)
  }

  async open(path: string): Promise<DiskFile> {
    await this.#call()
    return this.#file(this.#inode(path))
  }

  async stat(path: string): Promise<FileId | undefined> {
    const inode = this.#names.get(path) ?? this.#names.get(join(path, '/'))
    // The lock is on the real disk.
    return inode ? idOf(inode) : path.endsWith('/.ocs/lock') ? idOf(LOCK) : undefined
  }

  async read(path: string, length?: number): Promise<Uint8Array> {
    return this.#inode(path).bytes.slice(0, length)
  }

  async list(path: string): Promise<string[]> {
    const folder = join(path, '/')
    const inside = [...this.#names.keys()].filter((name) => name.startsWith(folder))
    const names = inside.map((name) => name.slice(folder.length).replace(/\/.*/, '/'))
    return [...new Set(names)].filter((name) => name !== '')
  }

  async makeFolder(path: string): Promise<void> {
    await this.#call()
    const folder = join(path, '/')
    if (!this.#names.has(folder)) this.#names.set(folder, inodeOf())
  }

  async link(from: string, to: string): Promise<void> {
    await this.#call()
    if (this.#names.has(to)) throw failure('EEXIST', to)
    this.#names.set(to, this.#inode(from))
  }

  async remove(path: string): Promise<void> {
    await this.#call()
    this.#names.delete(path)
  }

  async syncFolder(path: string): Promise<void> {
    await this.#call()
    const inside = (name: string) => join(dirname(name)) === join(path)
    for (const name of this.#syncedNames.keys())
      if (inside(name) && !this.#names.has(name)) this.#syncedNames.delete(name)
    for (const [name, inode] of this.#names) if (inside(name)) this.#syncedNames.set(name, inode)
  }

  #file(inode: Inode): DiskFile {
    return {
      write: async (bytes, at) => {
        const grown = new Uint8Array(Math.max(inode.bytes.length, at + bytes.length))
        grown.set(inode.bytes)
        // As much as there is room for, a piece at a time.
        const size = Math.max(512, Math.ceil(bytes.length / 4))
        for (let done = 0; done < bytes.length; done += size) {
          await this.#call()
          const piece = bytes.subarray(done, done + size)
          if (this.#used() + piece.length > this.space) throw failure('ENOSPC', 'write')
          grown.set(piece, at + done)
          inode.bytes = grown.subarray(0, Math.max(inode.bytes.length, at + done + piece.length))
        }
      },
      datasync: async () => {
        await this.#call()
        inode.synced = inode.bytes
      },
      truncate: async (length) => {
        await this.#call()
        inode.bytes = inode.bytes.slice(0, length)
      },
      stat: async () => idOf(inode),
      close: async () => {},
    }
  }

  #used(): number {
    return [...new Set(this.#names.values())].reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path)
    if (!inode) throw failure('ENOENT', path)
    return inode
  }

  async #call(): Promise<void> {
    await new Promise(setImmediate)
    if (this.#gone) await new Promise(() => {})
    if (this.failing) throw failure(this.failing, 'made to fail')
  }
}

/** What may be left of a file: the synced bytes, and after them some of the later bytes, or zeros. */
function leftOf({ bytes, synced }: Inode, random: (below: number) => number): Uint8Array {
  if (bytes === synced) return bytes
  const left = bytes.slice(0, Math.max(synced.length, random(bytes.length + 1)))
  if (left.length < synced.length) return synced
  left.set(synced)
  if (random(3) === 0) left.fill(0, synced.length)
  return left
}

function failure(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code })
}
