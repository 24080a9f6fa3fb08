import { join } from 'node:path'
import { z } from 'zod'
import { jsonLines } from '../../core/recording/json-lines.ts'
import type { Digest } from '../elsewhere/digest.ts'
import { addCopy, type Copy, MANIFEST, placeOf, readManifest, unpacked } from '../elsewhere/manifest.ts'
import type { Store } from '../elsewhere/store.ts'
import { disk } from '../recorder/disk.ts'
import { type FileFacts, noteFacts } from '../recorder/file-facts.ts'
import { append, textOf } from '../recorder/file-list.ts'
import { ownPath } from '../recorder/own-folder.ts'
import type { ClosedHere } from './closed-files.ts'
import { withReserve } from './reserve.ts'

/** A file is about to be uploaded: any file found in the store under that name was put there from here. */
const Begun = z.object({
  file: z.string(),
  store: z.string(),
  endpoint: z.string().optional(),
  begun: z.number(),
})

/**
 * The manifest of a data directory as a push writes it: each line is on disk before anything depends on it.
 */
export class Copies {
  readonly #dir: string
  readonly #store: Pick<Copy, 'store' | 'endpoint'>
  readonly #begun: Set<string>
  readonly #manifest: ReturnType<typeof readManifest>

  private constructor(dir: string, { url: store, endpoint }: Pick<Store, 'url' | 'endpoint'>, text: string) {
    this.#dir = dir
    this.#store = { store, endpoint }
    this.#manifest = readManifest(text)
    const mine = jsonLines(text, Begun).filter((line) => this.#isHere(line))
    this.#begun = new Set(mine.map(({ file }) => file))
  }

  static async open(dir: string, store: Pick<Store, 'url' | 'endpoint'>): Promise<Copies> {
    return new Copies(dir, store, await textOf(disk, join(dir, MANIFEST)))
  }

  /** The copy in this store of a file as it was last pushed; undefined if there is none. */
  of(path: string): Copy | undefined {
    const copies = this.#manifest.get(unpacked(path)) ?? []
    return copies.find((copy) => copy.file === path && this.#isHere(copy))
  }

  /** Whether the file in the store under a path was put there from here. */
  isOurs(path: string): boolean {
    return this.#begun.has(path) || this.of(path) !== undefined
  }

  /** Notes that a file is about to be uploaded. */
  async begin(file: string): Promise<void> {
    if (this.#begun.has(file)) return
    await this.#add({ file, ...this.#store, begun: Date.now() / 1000 })
    this.#begun.add(file)
  }

  /** Notes that a file was read back from the store, and its content. */
  async verified({ path, mtime }: ClosedHere, digest: Digest, facts: FileFacts): Promise<void> {
    await withReserve(this.#dir, () => noteFacts(disk, this.#dir, digest.sha256, facts))
    const copy: Copy = { file: path, ...digest, mtime, ...this.#store, verified: Date.now() / 1000 }
    await this.#add(copy)
    addCopy(this.#manifest, copy)
  }

  #isHere(place: Pick<Copy, 'store' | 'endpoint'>): boolean {
    return placeOf(place) === placeOf(this.#store)
  }

  async #add(line: Copy | z.output<typeof Begun>): Promise<void> {
    await withReserve(this.#dir, async () => {
      await append(disk, join(this.#dir, MANIFEST), JSON.stringify(line))
      await disk.syncFolder(ownPath(this.#dir, '.'))
    })
  }
}
