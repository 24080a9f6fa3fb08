import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { ConfigError } from '../../core/errors.ts'
import { MARK, type Store } from '../elsewhere/store.ts'
import { readId, writeId } from '../recorder/data-dir.ts'
import { disk } from '../recorder/disk.ts'

const Mark = z.object({ data_dir: z.string() })

/**
 * Makes sure that a store holds files of this data directory and of no other, and is not the directory
 * itself.
 * @throws ConfigError otherwise
 */
export async function claim(store: Store, dir: string, signal: AbortSignal): Promise<void> {
  const id = await idOf(dir)
  // A mark that came along with files from a store proves nothing.
  rmSync(join(dir, MARK), { force: true })
  const there = await textIn(store, signal)
  if (there === undefined)
    await put(store, `${JSON.stringify({ data_dir: id } satisfies z.output<typeof Mark>)}\n`, signal)
  // The store is this directory, whichever way it is reached.
  if (existsSync(join(dir, MARK))) {
    rmSync(join(dir, MARK))
    throw new ConfigError(`${store.url} is the data directory itself: choose another place`)
  }
  const owner = markIn(there ?? (await textIn(store, signal)) ?? '')
  if (owner === id) return
  const whose = owner === undefined ? 'something else' : `the files of another data directory (${owner})`
  throw new ConfigError(`${store.url} has ${whose}: use a separate bucket, prefix or folder for each`)
}

/** The UUID of a data directory; a directory that our recorder did not create is given one. */
async function idOf(dir: string): Promise<string> {
  const known = await readId(disk, dir)
  if (known !== undefined) return known
  const id = crypto.randomUUID()
  await writeId(disk, dir, id)
  return id
}

async function textIn(store: Store, signal: AbortSignal): Promise<string | undefined> {
  const pieces = await store.read(MARK, signal)
  if (!pieces) return undefined
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of pieces) text += decoder.decode(piece, { stream: true })
  return text
}

function markIn(text: string): string | undefined {
  try {
    return Mark.safeParse(JSON.parse(text)).data?.data_dir
  } catch {
    return undefined
  }
}

/** Writes the mark to the store, from a temporary folder: rsync takes only files. */
async function put(store: Store, text: string, signal: AbortSignal): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'ocs-'))
  try {
    mkdirSync(dirname(join(dir, MARK)))
    writeFileSync(join(dir, MARK), text)
    await store.put({ dir, path: MARK, bytes: new TextEncoder().encode(text) }, signal)
  } finally {
    rmSync(dir, { recursive: true })
  }
}
