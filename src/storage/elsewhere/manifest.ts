/** The manifest of a data directory: which files are also stored elsewhere. */
import { z } from 'zod'
import { jsonLines } from '../../core/recording/json-lines.ts'

/** Its path in the data directory: one line of JSON for each copy that was read back intact. */
export const MANIFEST = '.ocs/moved.jsonl'

/** A copy of a file in a store. */
export const Copy = z.object({
  /**
   * Its path, in the data directory and in the store: `17954/1795420594.g3`; no other path is ever read or
   * written.
   */
  file: z.string().regex(/^\d{1,5}\/\d{1,10}\.g3(\.gz)?$/),
  size: z.int(),
  sha256: z.string(),
  /** When the file was last written, unix ms. */
  mtime: z.number(),
  /** `s3://bucket/prefix` or `rsync:host:/folder`; `endpoint` if the bucket is not at AWS. */
  store: z.string(),
  endpoint: z.string().optional(),
  /** When it was read back, unix s. */
  verified: z.number(),
})
export type Copy = z.output<typeof Copy>

/** The copies of the latest version of each file, the newest first, by its path without `.gz`. */
export type Manifest = ReadonlyMap<string, readonly [Copy, ...Copy[]]>

/** Parses a manifest. */
export function readManifest(text: string): Map<string, readonly [Copy, ...Copy[]]> {
  const manifest = new Map<string, readonly [Copy, ...Copy[]]>()
  for (const copy of jsonLines(text, Copy)) addCopy(manifest, copy)
  return manifest
}

/** Adds a new line: copies of earlier versions of the file no longer count. */
export function addCopy(manifest: Map<string, readonly [Copy, ...Copy[]]>, copy: Copy): void {
  const name = unpacked(copy.file)
  const others = (manifest.get(name) ?? []).filter(
    (other) => placeOf(other) !== placeOf(copy) && other.sha256 === copy.sha256,
  )
  manifest.set(name, [copy, ...others])
}

/** Identifies a store: two servers may have buckets of the same name. */
export function placeOf({ store, endpoint }: Pick<Copy, 'store' | 'endpoint'>): string {
  return endpoint === undefined ? store : `${store} at ${endpoint}`
}

/** The files of a manifest that are not among those that are here, compressed or not. */
export function awayFrom(manifest: Manifest, here: Iterable<string>): (readonly [Copy, ...Copy[]])[] {
  const there = new Set([...here].map(unpacked))
  return [...manifest].filter(([name]) => !there.has(name)).map(([, copies]) => copies)
}

/** A file's path without the suffix of compression, which labs apply to closed files. */
export function unpacked(path: string): string {
  return path.endsWith('.gz') ? path.slice(0, -3) : path
}
