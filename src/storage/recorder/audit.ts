import { join } from 'node:path'
import { walkFrames } from '../g3/frame.ts'
import type { Gap, WrittenFrame } from '../g3/hk.ts'
import type { Disk } from './disk.ts'
import { filesOf, understood } from './recover.ts'

/** Rows `first`..`last`, by seq. */
export interface Span {
  readonly first: number
  readonly last: number
}
/** What the files hold of one epoch of one feed. */
export interface EpochAudit {
  readonly address: string
  readonly epoch: string
  readonly spool: string
  /** Rows that were numbered up to the last one seen, rows that are recorded, and their samples (times). */
  readonly expected: number
  readonly recorded: number
  readonly samples: number
  /** Rows recorded as lost, with why; rows that are neither recorded nor accounted for; rows recorded twice. */
  readonly gaps: readonly (Span & { readonly reason: string })[]
  readonly missing: readonly Span[]
  readonly doubled: readonly Span[]
}
export interface Audit {
  readonly files: number
  readonly frames: number
  readonly epochs: readonly EpochAudit[]
  /** Files whose end is damaged: the frames before are counted. */
  readonly damaged: readonly { readonly file: string; readonly goodBytes: number; readonly reason: string }[]
}

interface Seen {
  address: string
  readonly epoch: string
  readonly spool: string
  samples: number
  readonly data: Span[]
  readonly gaps: (Span & { reason: string })[]
}

/**
 * Compares, from the files of a data directory alone, what should be in them with what is. An epoch's rows are numbered
 * from 1, so that every row up to the last one must be in a frame or in a recorded gap. Changes nothing.
 */
export async function audit(disk: Disk, dir: string): Promise<Audit> {
  const seen = new Map<string, Seen>()
  const damaged: { file: string; goodBytes: number; reason: string }[] = []
  const files = (await filesOf(disk, dir)).sort()
  let frames = 0
  for (const file of files) {
    const walk = walkFrames(await disk.read(join(dir, file)), { verify: true })
    for (let step = walk.next(); ; step = walk.next()) {
      if (step.done) {
        const { goodBytes, error } = step.value
        if (error) damaged.push({ file, goodBytes, reason: error.message })
        break
      }
      frames++
      const frame = understood(step.value)
      if (frame) note(seen, frame)
    }
  }
  const epochs = [...seen.values()].map(judge).sort((a, b) => order(a, b))
  return { files: files.length, frames, epochs, damaged }
}

function note(seen: Map<string, Seen>, frame: WrittenFrame): void {
  if (frame.kind === 'session') return
  for (const gap of frame.gaps) of(seen, gap, '').gaps.push(gap)
  if (frame.kind !== 'data') return
  const entry = of(seen, frame.from, frame.address)
  entry.samples += frame.samples
  entry.data.push({ first: frame.first, last: frame.last })
}

function of(
  seen: Map<string, Seen>,
  from: Pick<Gap, 'spool' | 'instance' | 'feed' | 'epoch'>,
  address: string,
): Seen {
  const key = `${from.instance}/${from.feed}/${from.epoch}`
  const { epoch, spool } = from
  const entry = seen.get(key) ?? { address: key, epoch, spool, samples: 0, data: [], gaps: [] }
  if (address !== '') entry.address = address
  seen.set(key, entry)
  return entry
}

function judge({ address, epoch, spool, samples, data, gaps }: Seen): EpochAudit {
  const missing: Span[] = []
  const doubled: Span[] = []
  let next = 1
  let recorded = 0
  // A data frame spans the rows it leaves out; those are in its gaps.
  const within = (span: Span) => gaps.filter((gap) => gap.first >= span.first && gap.last <= span.last)
  for (const span of data) recorded += count(span) - within(span).reduce((sum, gap) => sum + count(gap), 0)
  const alone = gaps.filter((gap) => !data.some((span) => gap.first >= span.first && gap.last <= span.last))
  const spans = [...data, ...alone].sort((a, b) => a.first - b.first || a.last - b.last)
  for (const { first, last } of spans) {
    if (first > next) missing.push({ first: next, last: first - 1 })
    if (first < next) doubled.push({ first, last: Math.min(last, next - 1) })
    next = Math.max(next, last + 1)
  }
  return { address, epoch, spool, expected: next - 1, recorded, samples, gaps, missing, doubled }
}

function count({ first, last }: Span): number {
  return last - first + 1
}

function order(a: EpochAudit, b: EpochAudit): number {
  return a.address.localeCompare(b.address) || a.epoch.localeCompare(b.epoch)
}
