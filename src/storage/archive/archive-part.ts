import { decompressed, isCompressed, openFile, readAt } from './archive-file.ts'
import type { IndexedFile, ReadPart } from './archive-index-file.ts'
import { type Providers, scanFrames } from './archive-scan.ts'

/**
 * Reads the content of a file for the index.
 * @param path where to read it
 * @param file its entry in the index
 * @param from the byte to begin at, with `providers` as known from the bytes before
 */
export async function partOf(
  path: string,
  file: Pick<IndexedFile, 'path' | 'inode' | 'size' | 'mtime'>,
  from = 0,
  providers: Providers = new Map(),
): Promise<ReadPart> {
  const bytes = await bytesOf(path, from, file.size)
  const { runs, goodBytes, problem } = scanFrames(bytes, from, providers)
  return { file: { ...file, good: goodBytes, providers, problem }, from, runs }
}

/** Bytes of a file starting at one; of a compressed file, all of its content. */
async function bytesOf(path: string, from: number, size: number): Promise<Uint8Array> {
  if (isCompressed(path)) return decompressed(path)
  await using file = await openFile(path)
  return await readAt(file, from, size - from)
}
