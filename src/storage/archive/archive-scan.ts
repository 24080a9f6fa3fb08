/** Reads the frames of a `.g3` file once, for an index: where each block lies and what each of its fields comes to. */
import type { FieldType } from '../../core/wire.ts'
import { ByteReader, G3FormatError } from '../g3/bytes.ts'
import { entry, type LocatedFrame, walkFrames } from '../g3/frame.ts'
import { blocksOf, type StoredColumn } from './archive-blocks.ts'

/** What many samples of a field come to. Times are unix s. */
export interface Overview {
  readonly first: number
  readonly last: number
  /** Samples, and those with a finite value. */
  readonly count: number
  readonly finite: number
  /** Lowest and highest finite value and where they lie; null without one, and for texts. */
  readonly low: number | null
  readonly lowAt: number | null
  readonly high: number | null
  readonly highAt: number | null
  readonly mean: number | null
  /** The text that all samples are, when they are one. */
  readonly text: string | null
}
/** One block of one data frame. */
export interface ScannedBlock {
  /** Byte of the file at which its frame begins, the frame's length, and what tells the frame from others. */
  readonly offset: number
  readonly length: number
  readonly digest: number
  readonly position: number
  /** Of a recorder of ours: the epoch, and the rows that the frame accounts for, by seq. */
  readonly epoch: string | null
  readonly firstRow: number | null
  readonly lastRow: number | null
  /** The provider's description: the address of the feed. */
  readonly address: string
  readonly name: string
  readonly first: number
  readonly last: number
  readonly count: number
  readonly fields: ReadonlyMap<string, { readonly type: FieldType; readonly overview: Overview }>
}
/** Descriptions of a session's providers by their id: what reading a file further on needs to know. */
export type Providers = Map<string, string>

/**
 * The blocks in the whole frames of `bytes`, which lie at byte `base` of their file; checksums are verified.
 * @param providers as of the frames before; brought up to date
 */
export function scanFrames(
  bytes: Uint8Array,
  base: number,
  providers: Providers,
): { readonly blocks: ScannedBlock[]; readonly goodBytes: number; readonly problem: string | null } {
  const blocks: ScannedBlock[] = []
  let problem: string | null = null
  const walk = walkFrames(bytes, { verify: true })
  for (let step = walk.next(); ; step = walk.next()) {
    if (step.done) {
      const { goodBytes, error } = step.value
      problem ??= error ? `behind byte ${base + goodBytes}: ${error.message}` : null
      return { blocks, goodBytes: base + goodBytes, problem }
    }
    try {
      blocks.push(...scanFrame(step.value, base, providers))
    } catch (error) {
      if (!(error instanceof G3FormatError)) throw error
      problem ??= `the frame at byte ${base + step.value.offset} was left out: ${error.message}`
    }
  }
}

/** What two overviews of one field come to together. */
export function combine(a: Overview, b: Overview): Overview {
  const lower = b.low !== null && (a.low === null || b.low < a.low) ? b : a
  const higher = b.high !== null && (a.high === null || b.high > a.high) ? b : a
  const finite = a.finite + b.finite
  return {
    first: Math.min(a.first, b.first),
    last: Math.max(a.last, b.last),
    count: a.count + b.count,
    finite,
    low: lower.low,
    lowAt: lower.lowAt,
    high: higher.high,
    highAt: higher.highAt,
    mean: finite === 0 ? null : ((a.mean ?? 0) * a.finite + (b.mean ?? 0) * b.finite) / finite,
    text: a.text === b.text ? a.text : null,
  }
}

function scanFrame(frame: LocatedFrame, base: number, providers: Providers): ScannedBlock[] {
  if (frame.type !== 'H') return []
  const kind = Number(entry(frame, 'hkagg_type', 'G3Int')?.value)
  if (kind === 0) providers.clear()
  if (kind === 1) noteProviders(frame, providers)
  if (kind !== 2) return []
  const id = String(entry(frame, 'prov_id', 'G3Int')?.value)
  const address = providers.get(id) ?? entry(frame, 'address', 'G3String')?.value ?? `provider_${id}`
  const epoch = entry(frame, 'ocs_epoch', 'G3String')?.value ?? null
  const [firstRow, lastRow] = entry(frame, 'ocs_seq', 'G3VectorInt')?.value ?? []
  const rows = { epoch, firstRow: seq(firstRow), lastRow: seq(lastRow) }
  const { bytes } = frame
  const digest = new ByteReader(bytes, bytes.length - 4).u32()
  return blocksOf(frame).map(({ position, name, times, columns }) => {
    let [first, last] = [Infinity, -Infinity]
    for (const t of times) {
      if (t < first) first = t
      if (t > last) last = t
    }
    const fields = [...columns].map(
      ([field, column]) =>
        [field, { type: column.type, overview: overviewOf(column, times, first, last) }] as const,
    )
    const where = { offset: base + frame.offset, length: bytes.length, digest, position }
    return { ...where, ...rows, address, name, first, last, count: times.length, fields: new Map(fields) }
  })
}

function seq(row: number | bigint | undefined): number | null {
  return row === undefined ? null : Number(row)
}

function noteProviders(frame: LocatedFrame, providers: Providers): void {
  for (const item of entry(frame, 'providers', 'G3VectorFrameObject')?.value ?? []) {
    if (item?.kind !== 'G3MapFrameObject') continue
    const [id, description] = [item.value.get('prov_id'), item.value.get('description')]
    if (id?.kind === 'G3Int' && description?.kind === 'G3String')
      providers.set(String(id.value), description.value)
  }
}

function overviewOf({ type, values }: StoredColumn, t: Float64Array, first: number, last: number): Overview {
  const about = { first, last, count: t.length }
  const none = { finite: 0, low: null, lowAt: null, high: null, highAt: null, mean: null, text: null }
  if (type === 'string') {
    const [one] = values as readonly string[]
    const same = (values as readonly string[]).every((text) => text === one)
    return { ...about, ...none, text: same ? (one ?? null) : null }
  }
  let [finite, sum, low, high] = [0, 0, -1, -1]
  let [lowest, highest] = [Infinity, -Infinity]
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i])
    if (!Number.isFinite(value)) continue
    finite++
    sum += value
    if (value < lowest || low < 0) {
      lowest = value
      low = i
    }
    if (value > highest || high < 0) {
      highest = value
      high = i
    }
  }
  if (finite === 0) return { ...about, ...none }
  const places = { low: lowest, lowAt: t[low] ?? 0, high: highest, highAt: t[high] ?? 0 }
  return { ...about, ...places, finite, mean: sum / finite, text: null }
}
