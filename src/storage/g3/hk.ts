/**
 * The housekeeping frames of a recorder: schema 2 as so3g reads it, and extra keys (`ocs_…`) by which the
 * files record their own state. A file is a session frame, a status frame, then data and status frames.
 */
import { z } from 'zod'
import { feedAddress } from '../../core/channels.ts'
import type { FeedEpoch } from '../../core/feed-sink.ts'
import type { FieldType } from '../../core/wire.ts'
import { blockLayouts, encodeFrame, entry, type LocatedFrame } from './frame.ts'
import type { G3Source } from './objects.ts'
import type { Times } from './time.ts'

/** The content of a file's first two frames. */
export interface FileHead {
  readonly sessionId: bigint
  /** Unix s, UTC. */
  readonly time: number
  /** Increases with each file of a data directory. */
  readonly generation: number
  /** The recorder's whole state as JSON (`ledger.ts`). */
  readonly ledger: string
}

/** Rows of an epoch that are in no frame, and the reason. */
export const Gap = z.object({
  spool: z.string(),
  instance: z.string(),
  feed: z.string(),
  epoch: z.string(),
  first: z.int(),
  last: z.int(),
  reason: z.string(),
})
export type Gap = z.output<typeof Gap>

/** One block of a data frame: a column per field, each as long as `times` (unix s, or ticks). */
export interface HkBlock {
  readonly name: string
  readonly times: Times
  readonly fields: ReadonlyMap<string, G3Source>
}

/** The content of a data frame: rows `first`..`last` of an epoch. */
export interface HkData {
  readonly root: string
  readonly from: FeedEpoch
  readonly provider: number
  readonly first: number
  readonly last: number
  readonly blocks: readonly HkBlock[]
  /** Rows within `first`..`last` that are not in the blocks. */
  readonly gaps: readonly Gap[]
}

/** What recovery needs from a frame that has been written. */
export type WrittenFrame =
  | { readonly kind: 'session' }
  | {
      readonly kind: 'status'
      readonly time: number
      readonly providers: readonly number[]
      readonly gaps: readonly Gap[]
      readonly head: { readonly generation: number; readonly ledger: string } | undefined
    }
  | {
      readonly kind: 'data'
      readonly time: number
      readonly from: FeedEpoch
      readonly address: string
      readonly provider: number
      /** Its rows, by seq, and the total number of samples (times) of its blocks. */
      readonly first: number
      readonly last: number
      readonly samples: number
      readonly gaps: readonly Gap[]
      readonly types: ReadonlyMap<string, FieldType>
    }

const SESSION = 0
const STATUS = 1
const DATA = 2
const SCHEMA = 2

/** The class that a column of each type is written as. */
export const classOf = {
  double: 'G3VectorDouble',
  int: 'G3VectorInt',
  bool: 'G3VectorBool',
  string: 'G3VectorString',
} as const satisfies Record<FieldType, string>
/** The type of a column of a class. */
export const typeOf = {
  G3VectorDouble: 'double',
  G3VectorInt: 'int',
  G3VectorBool: 'bool',
  G3VectorString: 'string',
} as const satisfies Record<(typeof classOf)[FieldType], FieldType>

const int = (value: number | bigint): G3Source => ({ kind: 'G3Int', value })
const double = (value: number): G3Source => ({ kind: 'G3Double', value })
const string = (value: string): G3Source => ({ kind: 'G3String', value })

/** The first two frames of a file. */
export function headFrames(head: FileHead, providers: ReadonlyMap<number, string>): Uint8Array {
  const { sessionId, time, generation, ledger } = head
  const session = hkFrame(SESSION, sessionId, { start_time: double(time), description: string('HK data') })
  const extra = { ocs_gen: int(generation), ocs_ledger: string(ledger) }
  return Buffer.concat([session, statusFrame(sessionId, time, providers, extra)])
}

/** A status frame: the providers of the file so far (id → feed address), and gaps. */
export function statusWithGaps(
  sessionId: bigint,
  time: number,
  providers: ReadonlyMap<number, string>,
  gaps: readonly Gap[],
): Uint8Array {
  return statusFrame(sessionId, time, providers, gapEntry(gaps))
}

/** A data frame. @throws RangeError for values that its classes cannot hold */
export function dataFrame(sessionId: bigint, time: number, data: HkData): Uint8Array {
  const { root, from, provider, first, last, blocks, gaps } = data
  const entries = {
    prov_id: int(provider),
    timestamp: double(time),
    address: string(feedAddress(root, from.instance, from.feed)),
    provider_session_id: string(from.epoch),
    ocs_spool: string(from.spool),
    ocs_epoch: string(from.epoch),
    ocs_seq: { kind: 'G3VectorInt', value: [first, last] },
    ...blockEntries(blocks),
    ...gapEntry(gaps),
  } as const
  return hkFrame(DATA, sessionId, entries, sizeOf(blocks))
}

/** The approximate number of bytes of the samples of blocks. */
function sizeOf(blocks: readonly HkBlock[]): number {
  return blocks.reduce(
    (sum, { times, fields }) => sum + times.length * 8 * (1 + fields.size) + 100 * fields.size,
    0,
  )
}

/**
 * A data frame of samples extracted from a recording, without the keys by which a recorder's files record
 * their state.
 */
export function copiedFrame(
  sessionId: bigint,
  time: number,
  { provider, address, blocks }: Pick<HkData, 'provider' | 'blocks'> & { readonly address: string },
): Uint8Array {
  return hkFrame(DATA, sessionId, {
    prov_id: int(provider),
    timestamp: double(time),
    address: string(address),
    provider_session_id: string('0'),
    ...blockEntries(blocks),
  })
}

function blockEntries(blocks: readonly HkBlock[]): Record<string, G3Source> {
  return {
    block_names: { kind: 'G3VectorString', value: blocks.map(({ name }) => name) },
    blocks: {
      kind: 'G3VectorFrameObject',
      value: blocks.map(({ times, fields }) => ({ kind: 'G3TimesampleMap', times, value: fields })),
    },
  }
}

/**
 * The content of a frame, undefined if our recorder did not write it.
 * @throws G3FormatError if it cannot be read
 */
export function readFrame(frame: LocatedFrame): WrittenFrame | undefined {
  if (frame.type !== 'H') return undefined
  const kind = Number(entry(frame, 'hkagg_type', 'G3Int')?.value)
  if (kind === SESSION) return { kind: 'session' }
  const time = entry(frame, 'timestamp', 'G3Double')?.value ?? 0
  const gaps = readGaps(frame)
  if (kind === STATUS) {
    const generation = entry(frame, 'ocs_gen', 'G3Int')
    const ledger = entry(frame, 'ocs_ledger', 'G3String')
    const head = generation && ledger && { generation: Number(generation.value), ledger: ledger.value }
    const list = entry(frame, 'providers', 'G3VectorFrameObject')?.value ?? []
    const providers = list.flatMap((item) => {
      const id = item?.kind === 'G3MapFrameObject' ? item.value.get('prov_id') : undefined
      return id?.kind === 'G3Int' ? [Number(id.value)] : []
    })
    return { kind: 'status', time, providers, gaps, head }
  }
  const text = (name: string) => entry(frame, name, 'G3String')?.value
  const [spool, epoch, address] = [text('ocs_spool'), text('ocs_epoch'), text('address')]
  const [first, last] = entry(frame, 'ocs_seq', 'G3VectorInt')?.value ?? []
  const provider = entry(frame, 'prov_id', 'G3Int')?.value
  const [, instance, , feed] = address?.split('.') ?? []
  if (kind !== DATA || spool === undefined || epoch === undefined || address === undefined) return undefined
  if (first === undefined || last === undefined || provider === undefined || !instance || !feed)
    return undefined
  const types = new Map<string, FieldType>()
  let samples = 0
  for (const block of blockLayouts(frame)) {
    samples += block?.count ?? 0
    for (const { name, kind } of block?.columns ?? []) types.set(name, typeOf[kind])
  }
  const from = { spool, instance, feed, epoch }
  const seqs = { provider: Number(provider), first: Number(first), last: Number(last) }
  return { kind: 'data', time, from, address, ...seqs, samples, gaps, types }
}

/**
 * The generation of the file that begins with `bytes`, undefined if it is not a recorder's; nothing is
 * verified.
 */
export function peekGeneration(bytes: Uint8Array): number | undefined {
  // The entry as written: name, length of the archive, then the archive of one G3Int, whose value comes last.
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const at = file.indexOf('ocs_gen')
  if (at < 0 || at + 15 > file.length) return undefined
  const end = at + 15 + Number(file.readBigUInt64LE(at + 7))
  return end <= file.length ? Number(file.readBigInt64LE(end - 8)) : undefined
}

function statusFrame(
  sessionId: bigint,
  time: number,
  providers: ReadonlyMap<number, string>,
  extra: Readonly<Record<string, G3Source>>,
): Uint8Array {
  const list = [...providers].sort(([a], [b]) => a - b)
  return hkFrame(STATUS, sessionId, {
    timestamp: double(time),
    providers: {
      kind: 'G3VectorFrameObject',
      value: list.map(([id, description]) => ({
        kind: 'G3MapFrameObject',
        value: new Map([
          ['prov_id', int(id)],
          ['description', string(description)],
        ]),
      })),
    },
    ...extra,
  })
}

function hkFrame(
  kind: number,
  sessionId: bigint,
  entries: Readonly<Record<string, G3Source>>,
  size = 0,
): Uint8Array<ArrayBufferLike> {
  const { ocs_gen, ...rest } = entries
  const all = {
    hkagg_type: int(kind),
    hkagg_version: int(SCHEMA),
    session_id: int(sessionId),
    // First among the head's own entries, so that it is within the first bytes of a file.
    ...(ocs_gen && { ocs_gen }),
    ...rest,
  }
  return encodeFrame({ type: 'H', entries: new Map(Object.entries(all)) }, size)
}

function gapEntry(gaps: readonly Gap[]): Record<string, G3Source> {
  return gaps.length > 0 ? { ocs_gaps: string(JSON.stringify(gaps)) } : {}
}

function readGaps(frame: LocatedFrame): Gap[] {
  const text = entry(frame, 'ocs_gaps', 'G3String')?.value
  return text === undefined ? [] : z.array(Gap).parse(JSON.parse(text))
}
