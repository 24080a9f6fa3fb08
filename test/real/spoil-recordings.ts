import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { decodeObject } from '../../src/storage/g3/decode.ts'
import { encodeFrame, entry, type LocatedFrame, walkFrames } from '../../src/storage/g3/frame.ts'
import type { G3Object, G3Of } from '../../src/storage/g3/objects.ts'
import { filesOf } from './archive.ts'

/** A block of a data frame as stored in a file. */
type Block = G3Of<'G3TimesampleMap'>

/** Ticks of G3 times per second. */
const TICKS = 100_000_000

/** Adds seconds to all times in a data directory. */
export function shiftTimes(dir: string, seconds: number): void {
  const by = BigInt(Math.round(seconds * TICKS))
  for (const file of filesOf(dir))
    edit(
      join(dir, file),
      () => true,
      (frame) => [rewritten(frame, (block) => ({ ...block, times: block.times.map((ticks) => ticks + by) }))],
    )
}

/** Removes the first row from a frame of a feed. */
export function removeRow(dir: string, address: string): void {
  editOne(dir, address, (frame) => [rewritten(frame, withoutFirst)])
}

/** Writes a frame of a feed twice. */
export function doubleRows(dir: string, address: string): void {
  editOne(dir, address, (frame) => [frame.bytes, frame.bytes])
}

/**
 * Overwrites 64 bytes in the middle of the largest file, or of the first with at least `least` bytes; false
 * if there is none.
 */
export function overwrite(dir: string, least = 0): boolean {
  const sizes = filesOf(dir).map((file) => ({ file, size: readFileSync(join(dir, file)).length }))
  const [largest] = sizes.toSorted((a, b) => b.size - a.size)
  if (!largest || largest.size < least) return false
  const fd = openSync(join(dir, largest.file), 'r+')
  writeSync(fd, Buffer.alloc(64, 0xff), 0, 64, Math.floor(largest.size / 2))
  closeSync(fd)
  return true
}

function withoutFirst(block: Block): Block {
  const value = [...block.value].map(([field, column]): [string, G3Object | null] => {
    if (column?.kind === 'G3VectorDouble') return [field, { ...column, value: column.value.slice(1) }]
    if (column?.kind === 'G3VectorInt') return [field, { ...column, value: column.value.slice(1) }]
    throw new Error(`${field} is ${column?.kind}`)
  })
  return { ...block, times: block.times.slice(1), value: new Map(value) }
}

/** Edits the middle one of all frames of a feed: at both ends a reading may be missing for a reason. */
function editOne(dir: string, address: string, change: (frame: LocatedFrame) => Uint8Array[]): void {
  const isOf = (frame: LocatedFrame) => entry(frame, 'address', 'G3String')?.value === address
  const found = filesOf(dir).flatMap((file) => {
    const frames = [...walkFrames(readFileSync(join(dir, file)))].filter(isOf)
    return frames.map(({ offset }) => ({ file, offset }))
  })
  const middle = found[Math.floor(found.length / 2)]
  if (!middle) throw new Error(`${dir} has no frame of ${address}`)
  edit(join(dir, middle.file), ({ offset }) => offset === middle.offset, change)
}

/** Rewrites a file with some data frames replaced. */
function edit(
  file: string,
  which: (frame: LocatedFrame) => boolean,
  change: (frame: LocatedFrame) => Uint8Array[],
): void {
  const frames = [...walkFrames(readFileSync(file), { verify: true })].flatMap((frame) =>
    frame.entries.has('blocks') && which(frame) ? change(frame) : [frame.bytes],
  )
  writeFileSync(file, Buffer.concat(frames))
}

/** A frame with other blocks, as ocs writes frames. */
function rewritten(frame: LocatedFrame, change: (block: Block) => Block): Uint8Array {
  const entries = [...frame.entries].map(([name, archive]): [string, G3Object] => {
    const object = decodeObject(archive)
    if (object === null) throw new Error(`${name} is nothing`)
    if (name !== 'blocks' || object.kind !== 'G3VectorFrameObject') return [name, object]
    const value = object.value.map((block) => (block?.kind === 'G3TimesampleMap' ? change(block) : block))
    return [name, { ...object, value }]
  })
  return encodeFrame({ type: frame.type, entries: new Map(entries) })
}
