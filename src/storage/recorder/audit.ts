import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { z } from 'zod'
import { messageOf, TransportError } from '../../core/errors.ts'
import { awayFrom, type Copy } from '../elsewhere/manifest.ts'
import { type EpochAudit, judge, Known, type Seen, type Witness } from './audit-judge.ts'
import type { Disk } from './disk.ts'
import { type FileFacts, type FileHead, factsOf, joinFacts, movedFacts } from './file-facts.ts'
import { lostRows, manifestOf, sorted } from './file-list.ts'
import { Ledger } from './ledger.ts'
import { costsItself, filesOf } from './recover.ts'
import { count } from './spans.ts'

export interface Audit {
  readonly files: number
  readonly frames: number
  readonly epochs: readonly EpochAudit[]
  /** Files with a damaged end, of which the frames before it count, and files that cannot be read at all. */
  readonly damaged: readonly { readonly file: string; readonly goodBytes: number; readonly reason: string }[]
  /** Closed files that are gone, and how many of their rows are in no other file. */
  readonly moved: readonly { readonly file: string; readonly rows: number }[]
  /**
   * Files stored elsewhere, by store: how many were counted from the notes of the push, and how many were
   * read there.
   */
  readonly elsewhere: readonly { readonly store: string; readonly noted: number; readonly read: number }[]
}

/** Reads a file from its store. @throws TransportError if that fails */
export type ReadElsewhere = (file: Copy) => Promise<Uint8Array>

const unzip = promisify(gunzip)

/**
 * Compares the rows that should be in a data directory, according to its files and to agents and spools, with
 * those that are. An epoch's rows are numbered from 1, so every row up to the last one must be in a frame or
 * in a recorded gap. What came last can only be known from elsewhere: an agent, a spool, a later file's head,
 * the list of closed files. Changes nothing.
 * @param witnesses agents and spools that were asked
 * @param readElsewhere reads files stored elsewhere as well; without it they count as noted when they were
 * pushed
 */
export async function audit(
  disk: Disk,
  dir: string,
  witnesses: readonly Witness[] = [],
  readElsewhere?: ReadElsewhere,
): Promise<Audit> {
  const seen = new Map<string, Seen>()
  const damaged: { file: string; goodBytes: number; reason: string }[] = []
  const unreadable: { path: string; reason: string }[] = []
  const heads = new Map<string, { generation: number; ledger: Ledger }>()
  let frames = 0
  const take = (file: string, facts: FileFacts) => {
    frames += facts.frames
    joinFacts(seen, facts)
    if (facts.damaged) damaged.push({ file, ...facts.damaged })
  }
  const plain = await filesOf(disk, dir, unreadable)
  const packed = (await filesOf(disk, dir, [], '.g3.gz')).filter((file) => !plain.includes(file.slice(0, -3)))
  const files = [...plain, ...packed].sort()
  for (const file of files) {
    const bytes = await read(disk, join(dir, file)).catch((error: unknown) => {
      if (!costsItself(error)) throw error
      damaged.push({ file, goodBytes: 0, reason: messageOf(error) })
      return new Uint8Array()
    })
    take(
      file,
      factsOf(bytes, (head) => noteHead(heads, head)),
    )
  }
  const away = awayFrom(await manifestOf(disk, dir), files).map(([newest]) => newest)
  const noted = away.length > 0 && !readElsewhere ? await movedFacts(disk, dir) : new Map<string, FileFacts>()
  for (const copy of away) {
    try {
      const known = noted.get(copy.sha256)
      if (known) take(copy.file, known)
      else if (readElsewhere) take(copy.file, factsOf(await unpack(copy.file, await readElsewhere(copy))))
      else
        throw new TransportError(
          `it is stored in ${copy.store}, and its rows were not noted: --fetch reads it there`,
        )
    } catch (error) {
      if (!(error instanceof TransportError || costsItself(error))) throw error
      damaged.push({ file: copy.file, goodBytes: 0, reason: messageOf(error) })
    }
  }
  for (const { path, reason } of unreadable) damaged.push({ file: path, goodBytes: 0, reason })
  const known = new Known(witnesses)
  for (const { ledger } of heads.values()) for (const entry of ledger.entries) known.head(entry)
  const { gone, kept } = await sorted(disk, dir)
  const lost = lostRows(gone, kept)
  for (const [epoch, spans] of lost) for (const { last } of spans) known.listed(epoch, last)
  const epochs = judge(seen, known, lost)
  const moved = gone.flatMap((file) => {
    const rows = [...lostRows([file], kept).values()].reduce((sum, spans) => sum + count(spans), 0)
    return rows > 0 ? [{ file: file.file, rows }] : []
  })
  const elsewhere = [...Map.groupBy(away, ({ store }) => store)].map(([store, copies]) => ({
    store,
    noted: readElsewhere ? 0 : copies.length,
    read: readElsewhere ? copies.length : 0,
  }))
  return { files: files.length + away.length, frames, epochs, damaged, moved, elsewhere }
}

async function read(disk: Disk, path: string): Promise<Uint8Array> {
  return await unpack(path, await disk.read(path))
}

async function unpack(path: string, bytes: Uint8Array): Promise<Uint8Array> {
  if (!path.endsWith('.gz')) return bytes
  try {
    return await unzip(bytes)
  } catch (cause) {
    throw Object.assign(new Error(`cannot be decompressed: ${messageOf(cause)}`, { cause }), {
      code: 'ENOTFILE',
    })
  }
}

/** For each recorder whose files are here, only its newest head counts. */
function noteHead(
  heads: Map<string, { generation: number; ledger: Ledger }>,
  { generation, ledger: text }: FileHead,
): void {
  try {
    const { ledger } = Ledger.parse(text, generation)
    if (generation >= (heads.get(ledger.dataDir)?.generation ?? 0))
      heads.set(ledger.dataDir, { generation, ledger })
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error
  }
}
