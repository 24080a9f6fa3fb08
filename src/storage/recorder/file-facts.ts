/** The rows in one file: from its frames, or from notes made before it was moved elsewhere. */
import { z } from 'zod'
import { jsonLines } from '../../core/recording/json-lines.ts'
import { walkFrames } from '../g3/frame.ts'
import type { WrittenFrame } from '../g3/hk.ts'
import type { Seen } from './audit-judge.ts'
import type { Disk } from './disk.ts'
import { append, textOf } from './file-list.ts'
import { epochKey } from './ledger.ts'
import { ownPath } from './own-folder.ts'
import { understood } from './recover.ts'
import type { Span } from './spans.ts'

const GapForm = z.object({ first: z.int(), last: z.int(), reason: z.string() })
const SeenForm = z.object({
  instance: z.string(),
  feed: z.string(),
  address: z.string(),
  epoch: z.string(),
  spool: z.string(),
  samples: z.int(),
  /** Rows of consecutive frames: the first row, and the last row of each frame. */
  data: z.array(z.array(z.int()).min(2)),
  gaps: z.array(GapForm),
})
/** The content of a file. */
export interface FileFacts {
  readonly frames: number
  readonly seen: readonly Seen[]
  /** Where its intact frames end, and why. */
  readonly damaged?: { readonly goodBytes: number; readonly reason: string } | undefined
}
/** The same, as noted for a file that is moved elsewhere. */
const NotedFacts = z.object({
  sha256: z.string(),
  frames: z.int(),
  seen: z.array(SeenForm),
  damaged: z.object({ goodBytes: z.int(), reason: z.string() }).optional(),
})

/** The path of these notes: one line of JSON per file. */
const movedFactsPath = (dir: string) => ownPath(dir, 'moved-rows.jsonl')

/** The notes on files that were moved elsewhere, by their SHA-256. */
export async function movedFacts(disk: Disk, dir: string): Promise<Map<string, FileFacts>> {
  const lines = jsonLines(await textOf(disk, movedFactsPath(dir)), NotedFacts)
  return new Map(
    lines.map(({ sha256, seen, ...facts }) => [
      sha256,
      { ...facts, seen: seen.map((one) => ({ ...one, data: one.data.flatMap(spansIn) })) },
    ]),
  )
}

/** Notes the content of a file that is moved elsewhere. */
export async function noteFacts(disk: Disk, dir: string, sha256: string, facts: FileFacts): Promise<void> {
  const seen = facts.seen.map((one) => ({
    ...one,
    data: runsOf(one.data),
    gaps: one.gaps.map(({ first, last, reason }) => ({ first, last, reason })),
  }))
  const line: z.input<typeof NotedFacts> = { sha256, ...facts, seen }
  await append(disk, movedFactsPath(dir), JSON.stringify(line))
}

/** Spans as numbers: a run ends where a span does not continue the previous one. */
function runsOf(spans: readonly Span[]): number[][] {
  const runs: number[][] = []
  for (const { first, last } of spans) {
    const run = runs.at(-1)
    if (run?.at(-1) === first - 1) run.push(last)
    else runs.push([first, last])
  }
  return runs
}

function spansIn([start = 1, ...lasts]: readonly number[]): Span[] {
  let first = start
  return lasts.map((last) => {
    const span = { first, last }
    first = last + 1
    return span
  })
}

/**
 * Reads the frames of a file.
 * @param onHead called with the head of a recorder's file
 */
export function factsOf(bytes: Uint8Array, onHead: (head: FileHead) => void = () => {}): FileFacts {
  const seen = new Map<string, Seen>()
  let frames = 0
  const walk = walkFrames(bytes, { verify: true })
  for (let step = walk.next(); ; step = walk.next()) {
    if (step.done) {
      const { goodBytes, error } = step.value
      const damaged = error && { goodBytes, reason: error.message }
      return { frames, seen: [...seen.values()], ...(damaged && { damaged }) }
    }
    frames++
    const frame = understood(step.value)
    if (frame) note(seen, frame, onHead)
  }
}

/** The state of a recorder when it began a file. */
export type FileHead = NonNullable<Extract<WrittenFrame, { kind: 'status' }>['head']>

function note(seen: Map<string, Seen>, frame: WrittenFrame, onHead: (head: FileHead) => void): void {
  if (frame.kind === 'session') return
  for (const gap of frame.gaps) seenOf(seen, gap).gaps.push(gap)
  if (frame.kind === 'status') {
    if (frame.head) onHead(frame.head)
    return
  }
  const entry = seenOf(seen, frame.from)
  entry.address = frame.address
  entry.spool = frame.from.spool
  entry.samples += frame.samples
  entry.data.push({ first: frame.first, last: frame.last })
}

/** Merges the contents of files, file by file. */
export function joinFacts(all: Map<string, Seen>, { seen }: FileFacts): void {
  for (const one of seen) {
    const entry = seenOf(all, one)
    if (one.data.length > 0) {
      entry.address = one.address
      entry.spool = one.spool
    }
    entry.samples += one.samples
    entry.data.push(...one.data)
    entry.gaps.push(...one.gaps)
  }
}

function seenOf(
  seen: Map<string, Seen>,
  { instance, feed, epoch, spool }: Pick<Seen, 'instance' | 'feed' | 'epoch' | 'spool'>,
): Seen {
  const key = epochKey({ instance, feed, epoch })
  const entry = seen.get(key) ?? {
    ...{ instance, feed, address: `${instance}/${feed}`, epoch, spool },
    ...{ samples: 0, data: [], gaps: [] },
  }
  seen.set(key, entry)
  return entry
}
