/** Opens the files of an archive: regular ones, compressed or not. */
import { constants, type FileHandle, open, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip, constants as zlib } from 'node:zlib'

/** Maximum decompressed size in bytes; a compressed file that exceeds it is not read. */
const MOST_BYTES = 1 << 30

const unzip = promisify(gunzip)

/** Whether a file is compressed, judged by its name as so3g and spt3g do. */
export function isCompressed(path: string): boolean {
  return path.endsWith('.gz')
}

/** Opens a regular file, without waiting on a pipe. @throws with code ENOTFILE if it is not a regular file */
export async function openFile(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw Object.assign(new Error(`${path} is not a regular file`), { code: 'ENOTFILE' })
}

/** The decompressed content of a file; of a truncated one, what is left. */
export async function decompressed(path: string): Promise<Uint8Array> {
  const file = await openFile(path)
  try {
    const bytes = await readFile(file)
    return await unzip(bytes, { finishFlush: zlib.Z_SYNC_FLUSH, maxOutputLength: MOST_BYTES })
  } finally {
    await file.close()
  }
}

/** The bytes of a file starting at one; fewer if the file ends first. @param bytes the buffer to read into */
export async function readAt(
  file: FileHandle,
  at: number,
  length: number,
  bytes = new Uint8Array(length),
): Promise<Uint8Array> {
  let done = 0
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, at + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return bytes.subarray(0, done)
}
