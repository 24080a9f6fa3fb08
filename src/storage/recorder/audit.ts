import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { z } from 'zod'
import { messageOf } from '../../core/errors.ts'
import { walkFrames } from '../g3/frame.ts'
import type { WrittenFrame } from '../g3/hk.ts'
import { type EpochAudit, judge, Known, type Seen, type Witness } from './audit-judge.ts'
import type { Disk } from './disk.ts'
import { lostRows, sorted } from './file-list.ts'
import { epochKey, Ledger } from './ledger.ts'
import { costsItself, filesOf, understood } from './recover.ts'
import { count, type Span } from './spans.ts'

export interface Audit {
  readonly files: number
  readonly frames: number
  readonly epochs: readonly EpochAudit[]
  /** Files whose end is damaged, the frames before are counted; and what cannot be read at all. */
  readonly damaged: readonly { readonly file: string; readonly goodBytes: number; readonly reason: string }[]
  /** Closed files that are gone, and how many of their rows are in no other. */
  readonly moved: readonly { readonly file: string; readonly rows: number }[]
}

const unzip = promisify(gunzip)

/**
 * Compares, from the files of a data directory and what agents and spools say, what should be in them with what is. An
 * epoch's rows are numbered from 1, so that every row up to the last one must be in a frame or in a recorded gap. What
 * came last only somebody else can know: an agent, a spool, a later file's head, the list of closed files. Changes nothing.
 * @param witnesses agents and spools that were asked
 */
export async function audit(disk: Disk, dir: string, witnesses: readonly Witness[] = []): Promise<Audit> {
  const seen = new Map<string, Seen>()
  const damaged: { file: string; goodBytes: number; reason: string }[] = []
  const unreadable: { path: string; reason: string }[] = []
  const heads = new Map<string, { generation: number; ledger: Ledger }>()
  let frames = 0
  const plain = await filesOf(disk, dir, unreadable)
  const packed = (await filesOf(disk, dir, [], '.g3.gz')).filter((file) => !plain.includes(file.slice(0, -3)))
  const files = [...plain, ...packed].sort()
  for (const file of files) {
    const bytes = await read(disk, join(dir, file)).catch((error: unknown) => {
      if (!costsItself(error)) throw error
      damaged.push({ file, goodBytes: 0, reason: messageOf(error) })
      return new Uint8Array()
    })
    const walk = walkFrames(bytes, { verify: true })
    for (let step = walk.next(); ; step = walk.next()) {
      if (step.done) {
        const { goodBytes, error } = step.value
        if (error) damaged.push({ file, goodBytes, reason: error.message })
        break
      }
      frames++
      const frame = understood(step.value)
      if (frame) note(seen, heads, frame)
    }
  }
  for (const { path, reason } of unreadable) damaged.push({ file: path, goodBytes: 0, reason })
  const known = new Known(witnesses)
  for (const { ledger } of heads.values()) for (const entry of ledger.entries) known.head(entry)
  const { gone, there } = await sorted(disk, dir)
  const lost = lostRows(gone, there)
  for (const [epoch, spans] of lost) for (const { last } of spans) known.listed(epoch, last)
  const epochs = judge(seen, known, lost)
  const moved = gone.flatMap((file) => {
    const rows = [...lostRows([file], there).values()].reduce((sum, spans) => sum + count(spans), 0)
    return rows > 0 ? [{ file: file.file, rows }] : []
  })
  return { files: files.length, frames, epochs, damaged, moved }
}

async function read(disk: Disk, path: string): Promise<Uint8Array> {
  const bytes = await disk.read(path)
  if (!path.endsWith('.gz')) return bytes
  try {
    return await unzip(bytes)
  } catch (cause) {
    throw Object.assign(new Error(`cannot be decompressed: ${messageOf(cause)}`, { cause }), {
      code: 'ENOTFILE',
    })
  }
}

function note(
  seen: Map<string, Seen>,
  heads: Map<string, { generation: number; ledger: Ledger }>,
  frame: WrittenFrame,
): void {
  if (frame.kind === 'session') return
  for (const gap of frame.gaps) of(seen, gap).gaps.push(gap)
  if (frame.kind === 'status') {
    if (frame.head) noteHead(heads, frame.head)
    return
  }
  const entry = of(seen, frame.from)
  entry.address = frame.address
  entry.spool = frame.from.spool
  entry.samples += frame.samples
  const span: Span = { first: frame.first, last: frame.last }
  entry.data.push(span)
}

/** Of each recorder whose files are here, its newest head counts. */
function noteHead(
  heads: Map<string, { generation: number; ledger: Ledger }>,
  { generation, ledger: text }: { readonly generation: number; readonly ledger: string },
): void {
  try {
    const { ledger } = Ledger.parse(text, generation)
    if (generation >= (heads.get(ledger.dataDir)?.generation ?? 0))
      heads.set(ledger.dataDir, { generation, ledger })
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error
  }
}

function of(
  seen: Map<string, Seen>,
  from: { readonly spool: string; readonly instance: string; readonly feed: string; readonly epoch: string },
): Seen {
  const key = epochKey(from)
  const entry = seen.get(key) ?? newSeen(from)
  seen.set(key, entry)
  return entry
}

function newSeen({ instance, feed, epoch, spool }: Parameters<typeof of>[1]): Seen {
  return { instance, feed, address: `${instance}/${feed}`, epoch, spool, samples: 0, data: [], gaps: [] }
}
