import { decompressed, isCompressed, openFile, readAt } from './archive-file.ts'
import type { IndexedFile, ReadPart } from './archive-index-file.ts'
import { type Providers, scanFrames } from './archive-scan.ts'

/**
 * Reads what a file has, for the index.
 * @param path where it is read
 * @param file what the index knows it by
 * @param from the byte to begin at, and `providers` as of what is before
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

/** Bytes of a file from one on; of a compressed one all that it comes to. */
async function bytesOf(path: string, from: number, size: number): Promise<Uint8Array> {
  if (isCompressed(path)) return decompressed(path)
  await using file = await openFile(path)
  return await readAt(file, from, size - from)
}
