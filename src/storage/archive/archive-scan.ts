/**
 * Reads the frames of a `.g3` file once, for an index: the position of each block and the overview of each
 * field.
 */
import { ByteReader, G3FormatError } from '../g3/bytes.ts'
import { entry, type LocatedFrame, walkFrames } from '../g3/frame.ts'
import {
  type ColumnPlace,
  numberAt,
  type PlacedBlock,
  placedBlocks,
  timeAt,
  viewOf,
} from './archive-blocks.ts'
import type { Run, RunField } from './archive-runs.ts'

/** Descriptions of a session's providers by their id: needed to continue reading a file from a later byte. */
export type Providers = Map<number, string>

/** The frame that contains a block. */
interface FrameFacts {
  readonly offset: number
  readonly length: number
  readonly digest: number
  readonly epoch: string | null
  readonly firstRow: number
  readonly lastRow: number
}

/**
 * The blocks in the whole frames of `bytes`, which begin at byte `base` of their file; checksums are
 * verified.
 * @param providers as known from the frames before; updated
 */
export function scanFrames(
  bytes: Uint8Array,
  base: number,
  providers: Providers,
): { readonly runs: readonly Run[]; readonly goodBytes: number; readonly problem: string | null } {
  const scan = new Scan(bytes, base, providers)
  let problem: string | null = null
  const walk = walkFrames(bytes, { verify: true })
  for (let step = walk.next(); ; step = walk.next()) {
    if (step.done) {
      const { goodBytes, error } = step.value
      problem ??= error ? `behind byte ${base + goodBytes}: ${error.message}` : null
      return { runs: scan.runs, goodBytes: base + goodBytes, problem }
    }
    try {
      scan.frame(step.value)
    } catch (error) {
      if (!(error instanceof G3FormatError)) throw error
      problem ??= `the frame at byte ${base + step.value.offset} was skipped: ${error.message}`
    }
  }
}

class Scan {
  readonly runs: Run[] = []
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #base: number
  readonly #providers: Providers
  /** The newest run for each block name of each feed. */
  readonly #newest = new Map<string, Map<string, Run>>()

  constructor(bytes: Uint8Array, base: number, providers: Providers) {
    this.#bytes = bytes
    this.#view = viewOf(bytes)
    this.#base = base
    this.#providers = providers
  }

  frame(frame: LocatedFrame): void {
    if (frame.type !== 'H') return
    const kind = Number(entry(frame, 'hkagg_type', 'G3Int')?.value)
    if (kind === 0) this.#providers.clear()
    if (kind === 1) noteProviders(frame, this.#providers)
    if (kind !== 2) return
    const id = Number(entry(frame, 'prov_id', 'G3Int')?.value)
    const address = this.#providers.get(id) ?? entry(frame, 'address', 'G3String')?.value ?? `provider_${id}`
    const seqs = entry(frame, 'ocs_seq', 'G3VectorInt')?.value
    const facts: FrameFacts = {
      offset: frame.offset,
      length: frame.length,
      digest: this.#view.getUint32(frame.offset + frame.length - 4, true),
      epoch: entry(frame, 'ocs_epoch', 'G3String')?.value ?? null,
      firstRow: Number(seqs?.[0] ?? Number.NaN),
      lastRow: Number(seqs?.[1] ?? Number.NaN),
    }
    const blocks = placedBlocks(frame).map((block) => [block, this.#runOf(address, block)] as const)
    for (const [block, run] of blocks) this.#add(run, block, facts)
  }

  /** The run that a block continues, or a new one. */
  #runOf(address: string, { name, ticks, columns }: PlacedBlock): Run {
    const ofFeed = this.#newest.get(address) ?? new Map<string, Run>()
    if (ofFeed.size === 0) this.#newest.set(address, ofFeed)
    const known = ofFeed.get(name)
    if (known?.ticks === ticks && areOf(columns, known.fields)) return known
    if (new Set(columns.map((column) => column.name)).size < columns.length)
      throw new G3FormatError(`block ${name} has a field twice`)
    const fields = columns.map(({ name, type }): RunField => ({ name, type, sums: [], texts: [] }))
    const run: Run = { address, name, ticks, epochs: [], places: [], fields }
    ofFeed.set(name, run)
    this.runs.push(run)
    return run
  }

  #add({ epochs, places, fields }: Run, block: PlacedBlock, frame: FrameFacts): void {
    let [first, last] = [Infinity, -Infinity]
    for (let n = 0; n < block.count; n++) {
      const time = timeAt(this.#view, block, n)
      if (time < first) first = time
      if (time > last) last = time
    }
    let epoch = epochs.lastIndexOf(frame.epoch)
    if (epoch < 0) epoch = epochs.push(frame.epoch) - 1
    const { offset, length, digest, firstRow, lastRow } = frame
    places.push(this.#base + offset, length, digest, block.position, epoch, firstRow, lastRow)
    places.push(first, last, block.count, block.at - offset)
    for (let i = 0; i < fields.length; i++) {
      const [field, column] = [fields[i], block.columns[i]]
      if (!field || !column) continue
      if (column.type === 'string') field.texts.push(this.#oneText(column))
      this.#addSums(field.sums, block, column)
      field.sums.push(column.at - offset, column.bits)
    }
  }

  #addSums(sums: number[], block: PlacedBlock, column: ColumnPlace): void {
    let [finite, sum, low, high] = [0, 0, -1, -1]
    let [lowest, highest] = [Number.NaN, Number.NaN]
    for (let n = 0; n < block.count && column.type !== 'string'; n++) {
      const value = numberAt(this.#view, column, n)
      if (!Number.isFinite(value)) continue
      finite++
      sum += value
      if (low < 0 || value < lowest) {
        lowest = value
        low = n
      }
      if (high < 0 || value > highest) {
        highest = value
        high = n
      }
    }
    const when = (n: number) => (n < 0 ? Number.NaN : timeAt(this.#view, block, n))
    sums.push(finite, lowest, when(low), highest, when(high), sum / finite)
  }

  /** The text, if all values of a column have the same one. */
  #oneText({ at }: ColumnPlace): string | null {
    const texts = new ByteReader(this.#bytes, at).strings()
    const [one = null] = texts
    return texts.every((text) => text === one) ? one : null
  }
}

/** Whether a run has the same fields as a block. */
function areOf(columns: PlacedBlock['columns'], fields: readonly RunField[]): boolean {
  if (columns.length !== fields.length) return false
  for (let i = 0; i < columns.length; i++)
    if (columns[i]?.name !== fields[i]?.name || columns[i]?.type !== fields[i]?.type) return false
  return true
}

function noteProviders(frame: LocatedFrame, providers: Providers): void {
  for (const item of entry(frame, 'providers', 'G3VectorFrameObject')?.value ?? []) {
    if (item?.kind !== 'G3MapFrameObject') continue
    const [id, description] = [item.value.get('prov_id'), item.value.get('description')]
    if (id?.kind === 'G3Int' && description?.kind === 'G3String')
      providers.set(Number(id.value), description.value)
  }
}
