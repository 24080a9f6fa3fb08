/**
 * Reads frame objects from the archives spt3g writes (form: encode.ts), or only what an index of blocks needs.
 * Everything here throws G3FormatError, and nothing else, for bytes that are not such an archive.
 */
import { ByteReader, G3FormatError } from './bytes.ts'
import { type IntArray, readBits, readInts } from './integers.ts'
import {
  type ClassName,
  classVersions,
  firstAppearance,
  type G3Object,
  type G3Of,
  maxDepth,
} from './objects.ts'
import { ticksFromSeconds } from './time.ts'

/** Decides by its key whether an entry of a map or a field of a block is decoded or left out. */
export type WantedKey = (key: string) => boolean

/** What an index needs of a block. Times are ticks of the first and last sample as stored; 0 when `count` is 0. */
export interface BlockSummary {
  /** Field → class of its values: 'G3VectorDouble', 'G3VectorInt', 'G3VectorBool', 'G3VectorString'. */
  readonly fields: ReadonlyMap<string, string>
  readonly count: number
  readonly first: bigint
  readonly last: bigint
}

/**
 * The object in an archive; null is a null pointer. `wanted` chooses among the keys of the maps and blocks that the
 * archive holds directly or in a vector, not of maps inside those.
 */
export function decodeObject(archive: Uint8Array, wanted?: WantedKey): G3Object | null {
  return new ArchiveReader(new ByteReader(archive), 0, wanted).top()
}

/**
 * Summaries of the blocks in a G3VectorFrameObject, item by item; null for an item that is no block.
 * No values are decoded, and of the times two.
 */
export function summarizeBlocks(archive: Uint8Array): (BlockSummary | null)[] {
  const summaries = new Map<G3Object, BlockSummary>()
  const object = new ArchiveReader(new ByteReader(archive), 0, undefined, summaries).top()
  if (object?.kind !== 'G3VectorFrameObject')
    throw new G3FormatError(`blocks are in a G3VectorFrameObject, not ${object?.kind ?? 'a null pointer'}`)
  return object.value.map((item) => (item && summaries.get(item)) ?? null)
}

class ArchiveReader {
  readonly #reader: ByteReader
  readonly #wanted: WantedKey | undefined
  /** Filled instead of decoding blocks, when given. */
  readonly #summaries: Map<G3Object, BlockSummary> | undefined
  // An archive has few of each, and a file has very many archives: lists are made and searched sooner than maps.
  readonly #versioned: ClassName[] = []
  readonly #versions: number[] = []
  /** By their ids, which count from 1 as they appear. */
  readonly #names: string[] = []
  readonly #objects: (G3Object | undefined)[] = []
  #depth: number

  constructor(
    reader: ByteReader,
    depth: number,
    wanted?: WantedKey,
    summaries?: Map<G3Object, BlockSummary>,
  ) {
    this.#reader = reader
    this.#depth = depth
    this.#wanted = wanted
    this.#summaries = summaries
  }

  /** The object of the archive, which must end with it unless its class is unknown. */
  top(): G3Object | null {
    const reader = this.#reader
    const start = reader.position
    const className = this.className()
    if (className !== undefined && !isKnown(className))
      return { kind: 'Opaque', className, value: reader.between(start, reader.end) }
    const object = className === undefined ? null : this.#object(className)
    if (reader.position !== reader.end)
      throw new G3FormatError(`${reader.end - reader.position} bytes too many at byte ${reader.position}`)
    return object
  }

  /** The class of the archive's object, which comes first; undefined for a null pointer. */
  className(): string | undefined {
    if (this.#reader.u8() !== 1) throw new G3FormatError('an archive that is not little-endian')
    return this.#className()
  }

  #className(): string | undefined {
    const id = this.#reader.u32()
    if (id === 0) return undefined
    if (id & baseClass) return 'G3FrameObject'
    const place = (id % firstAppearance) - 1
    if (id >= firstAppearance && place === this.#names.length) this.#names.push(this.#reader.string())
    const name = this.#names[place]
    if (name === undefined)
      throw new G3FormatError(`class ${id} is used before it is named at byte ${this.#reader.position}`)
    return name
  }

  #pointer(): G3Object | null {
    const className = this.#className()
    if (className === undefined) return null
    // An object does not tell its length, so what follows one of an unknown class cannot be found.
    if (!isKnown(className)) throw new G3FormatError(`an object of unknown class ${className} inside another`)
    return this.#object(className)
  }

  #object(kind: Kind): G3Object {
    const id = this.#reader.u32()
    const place = (id % firstAppearance) - 1
    if (id < firstAppearance || place !== this.#objects.length) {
      const known = this.#objects[place]
      if (known === undefined)
        throw new G3FormatError(`object ${id} is used before it is given at byte ${this.#reader.position}`)
      return known
    }
    this.#objects.push(undefined)
    this.#depth++
    if (this.#depth > maxDepth) throw new G3FormatError(`objects nested deeper than ${maxDepth}`)
    const object = this.#body(kind)
    this.#depth--
    this.#objects[place] = object
    return object
  }

  #version(name: ClassName): number {
    const place = this.#versioned.indexOf(name)
    if (place >= 0) return this.#versions[place] ?? 0
    const version = this.#reader.u32()
    if (version > classVersions[name])
      throw new G3FormatError(`${name} of version ${version}: ${classVersions[name]} is the newest known`)
    this.#versioned.push(name)
    this.#versions.push(version)
    return version
  }

  #body(kind: Kind): G3Object {
    const reader = this.#reader
    const version = this.#version(kind)
    if (kind === 'G3TimesampleMap') this.#version('G3MapFrameObject')
    this.#version('G3FrameObject')
    switch (kind) {
      case 'G3Bool':
        return { kind, value: reader.u8() !== 0 }
      case 'G3Int':
      case 'G3Time':
        return { kind, value: reader.i64() }
      case 'G3Double':
        return { kind, value: reader.f64() }
      case 'G3String':
        return { kind, value: reader.string() }
      case 'G3VectorDouble':
        return { kind, value: this.#doubles() }
      case 'G3VectorInt':
        return { kind, value: this.#ints(version) }
      case 'G3VectorBool':
        return { kind, value: new Uint8Array(reader.copy(reader.u64())) }
      case 'G3VectorString':
        return { kind, value: reader.strings() }
      case 'G3VectorTime':
        return { kind, value: new BigInt64Array(reader.copy(8 * this.#timeCount())) }
      case 'G3VectorFrameObject':
        return { kind, value: Array.from({ length: reader.count(4) }, () => this.#pointer()) }
      case 'G3MapFrameObject':
        return { kind, value: this.#objectMap() }
      case 'G3TimesampleMap':
        return this.#block()
      case 'G3MapString':
        return { kind, value: this.#map(reader.count(16), () => reader.string()) }
      case 'G3MapDouble':
        return { kind, value: this.#map(reader.count(16), () => reader.f64()) }
      case 'G3MapInt': {
        const bits = version < 2 ? 32 : readBits(reader)
        return { kind, value: this.#map(reader.count(9), () => BigInt(readInts(reader, bits, 1)[0] ?? 0)) }
      }
      case 'G3MapVectorDouble':
        return { kind, value: this.#map(reader.count(16), () => this.#doubles()) }
      case 'G3MapVectorInt': {
        const count = version < 2 ? reader.count(16) : reader.count32(20)
        return { kind, value: this.#map(count, () => this.#ints(version)) }
      }
      case 'IrregBlockDouble':
        return this.#oldBlock()
    }
  }

  #doubles(): Float64Array {
    return new Float64Array(this.#reader.copy(8 * this.#reader.u64()))
  }

  #ints(version: number): IntArray {
    const bits = version < 2 ? 32 : readBits(this.#reader)
    return readInts(this.#reader, bits, this.#reader.u64())
  }

  /** The length of a vector of times, and the version of their class, which the first of them brings. */
  #timeCount(): number {
    const count = this.#reader.count(8)
    if (count > 0) this.#version('G3Time')
    return count
  }

  #block(): G3Of<'G3TimesampleMap'> {
    const reader = this.#reader
    const fields = new Map<string, string>()
    const value = this.#summaries ? this.#fieldClasses(fields) : this.#objectMap()
    this.#version('G3VectorTime')
    const count = this.#timeCount()
    if (!this.#summaries)
      return { kind: 'G3TimesampleMap', value, times: new BigInt64Array(reader.copy(8 * count)) }
    const at = reader.skip(8 * count)
    const object: G3Of<'G3TimesampleMap'> = { kind: 'G3TimesampleMap', value, times: new BigInt64Array(0) }
    const first = count ? reader.i64At(at) : 0n
    const last = count ? reader.i64At(at + 8 * (count - 1)) : 0n
    this.#summaries.set(object, { fields, count, first, last })
    return object
  }

  /** The block of schema 0: its members are bare, without pointers. */
  #oldBlock(): G3Of<'IrregBlockDouble'> {
    const reader = this.#reader
    const prefix = reader.string()
    this.#version('G3VectorDouble')
    const times = this.#doubles()
    this.#version('G3MapVectorDouble')
    const value = this.#map(reader.count(16), () => this.#doubles())
    const object: G3Of<'IrregBlockDouble'> = { kind: 'IrregBlockDouble', prefix, times, value }
    this.#summaries?.set(object, {
      fields: new Map([...value.keys()].map((key) => [key, 'G3VectorDouble'])),
      count: times.length,
      first: ticksOf(times.at(0)),
      last: ticksOf(times.at(-1)),
    })
    return object
  }

  /** Every value of a map of objects is an archive of its own. */
  #objectMap(): Map<string, G3Object | null> {
    const entries = new Map<string, G3Object | null>()
    for (let left = this.#reader.count32(16); left > 0; left--) {
      const key = this.#reader.string()
      const part = this.#reader.part(this.#reader.u64())
      if (this.#wanted?.(key) ?? true) entries.set(key, new ArchiveReader(part, this.#depth).top())
    }
    return entries
  }

  #fieldClasses(fields: Map<string, string>): Map<string, never> {
    for (let left = this.#reader.count32(16); left > 0; left--) {
      const key = this.#reader.string()
      const part = this.#reader.part(this.#reader.u64())
      const className = new ArchiveReader(part, this.#depth).className()
      if (className !== undefined) fields.set(key, className)
    }
    return new Map<string, never>()
  }

  #map<Value>(count: number, read: () => Value): Map<string, Value> {
    const entries = new Map<string, Value>()
    for (let left = count; left > 0; left--) entries.set(this.#reader.string(), read())
    return entries
  }
}

type Kind = Exclude<G3Object['kind'], 'Opaque'>
/** Set in a class id when the object is of the base class itself, which has no content. */
const baseClass = 0x40000000
const kinds = new Set(Object.keys(classVersions).filter((name) => name !== 'G3FrameObject'))

function isKnown(className: string): className is Kind {
  return kinds.has(className)
}

function ticksOf(seconds: number | undefined): bigint {
  try {
    return ticksFromSeconds(seconds ?? 0)
  } catch (error) {
    throw new G3FormatError(`a block with a time of ${seconds} s`, { cause: error })
  }
}
