/**
 * Decodes frame objects from the archives that spt3g writes (format: encode.ts), or only the layout of
 * blocks, which is all an index needs. For bytes that are not such an archive everything here throws
 * G3FormatError, and nothing else.
 */
import { ByteReader, G3FormatError } from './bytes.ts'
import { type IntArray, readBits, readInts } from './integers.ts'
import { type BlockLayout, type ColumnLayout, type VectorClass, widths } from './layout.ts'
import {
  type ClassName,
  classVersions,
  firstAppearance,
  type G3Object,
  type G3Of,
  maxDepth,
} from './objects.ts'

/** The object in an archive; null for a null pointer. */
export function decodeObject(archive: Uint8Array): G3Object | null {
  return new Decoder(archive).object(0, archive.length)
}

/**
 * Decodes archives within `bytes`, one at a time: reusing a decoder costs less than creating one per archive.
 */
export class Decoder {
  readonly bytes: Uint8Array
  /** Readers of nested archives, by depth. */
  readonly #readers: ArchiveReader[] = []

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** The object in the archive from byte `start` to `end`; null for a null pointer. */
  object(start: number, end: number): G3Object | null {
    return this.reader(0, start, end).top()
  }

  /**
   * The layouts of the blocks in a G3VectorFrameObject, item by item; null for an item that is not a block.
   */
  blocks(start: number, end: number): (BlockLayout | null)[] {
    const layouts = new Map<G3Object, BlockLayout>()
    const object = this.reader(0, start, end, layouts).top()
    if (object?.kind !== 'G3VectorFrameObject')
      throw new G3FormatError(`blocks are in a G3VectorFrameObject, not ${object?.kind ?? 'a null pointer'}`)
    return object.value.map((item) => (item && layouts.get(item)) ?? null)
  }

  /** A reader of the archive at the given position, `depth` objects deep. */
  reader(depth: number, start: number, end: number, layouts?: Map<G3Object, BlockLayout>): ArchiveReader {
    let reader = this.#readers[depth]
    if (!reader) {
      reader = new ArchiveReader(this)
      this.#readers[depth] = reader
    }
    reader.begin(depth, start, end, layouts)
    return reader
  }
}

class ArchiveReader {
  readonly #decoder: Decoder
  readonly #reader: ByteReader
  /** If given, it is filled in place of decoding the blocks. */
  #layouts: Map<G3Object, BlockLayout> | undefined
  // An archive has few of each, but a file has very many archives: short lists are faster to create and
  // search than maps.
  readonly #versioned: ClassName[] = []
  readonly #versions: number[] = []
  /** By id; ids count from 1 in order of appearance. */
  readonly #names: string[] = []
  readonly #objects: (G3Object | undefined)[] = []
  #depth = 0

  constructor(decoder: Decoder) {
    this.#decoder = decoder
    this.#reader = new ByteReader(decoder.bytes)
  }

  begin(depth: number, start: number, end: number, layouts: Map<G3Object, BlockLayout> | undefined): void {
    this.#reader.moveTo(start, end)
    this.#depth = depth
    this.#layouts = layouts
    this.#versioned.length = 0
    this.#versions.length = 0
    this.#names.length = 0
    this.#objects.length = 0
  }

  /** The object of the archive; the archive must end with it, unless its class is unknown. */
  top(): G3Object | null {
    const reader = this.#reader
    const start = reader.position
    const className = this.#first()
    if (className !== undefined && !isKnown(className))
      return { kind: 'Opaque', className, value: reader.between(start, reader.end) }
    const object = className === undefined ? null : this.#object(className)
    this.#ended()
    return object
  }

  /** The layout of the archive's object, if it is a vector of values. */
  column(name: string): ColumnLayout | undefined {
    const reader = this.#reader
    const kind = this.#first()
    const width = kind === undefined ? undefined : widths[kind]
    if (width === undefined) return undefined
    const id = reader.u32()
    if (id !== firstAppearance + 1)
      throw new G3FormatError(`object ${id} is used before it is given at byte ${reader.position}`)
    const version = this.#version(kind as VectorClass)
    this.#version('G3FrameObject')
    const bits = kind === 'G3VectorInt' ? (version < 2 ? 32 : readBits(reader)) : width
    let at = reader.position
    let count: number
    if (bits === 0) {
      count = reader.count(8)
      for (let left = count; left > 0; left--) reader.skip(reader.u64())
    } else {
      count = reader.u64()
      at = reader.skip(count * (bits / 8))
    }
    this.#ended()
    return { name, kind: kind as VectorClass, at, count, bits }
  }

  /** The class of the archive's object, which comes first; undefined for a null pointer. */
  #first(): string | undefined {
    if (this.#reader.u8() !== 1) throw new G3FormatError('not a little-endian archive')
    return this.#className()
  }

  #ended(): void {
    const left = this.#reader.end - this.#reader.position
    if (left > 0) throw new G3FormatError(`${left} bytes too many at byte ${this.#reader.position}`)
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
    // Objects do not store their length, so the bytes after an object of unknown class cannot be interpreted.
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

  /**
   * The length of a vector of times; also reads the version of their class, stored with the first time of the
   * archive.
   */
  #timeCount(): number {
    const count = this.#reader.count(8)
    if (count > 0) this.#version('G3Time')
    return count
  }

  #block(): G3Of<'G3TimesampleMap'> {
    const reader = this.#reader
    const layouts = this.#layouts
    const columns = layouts && this.#columns()
    const value = columns ? nothing : this.#objectMap()
    this.#version('G3VectorTime')
    const count = this.#timeCount()
    if (!columns) return { kind: 'G3TimesampleMap', value, times: new BigInt64Array(reader.copy(8 * count)) }
    const object: G3Of<'G3TimesampleMap'> = { kind: 'G3TimesampleMap', value, times: noTimes }
    layouts.set(object, { columns, at: reader.skip(8 * count), count, ticks: true })
    return object
  }

  /** The block of schema 0: its members are stored directly, without pointers. */
  #oldBlock(): G3Of<'IrregBlockDouble'> {
    const reader = this.#reader
    const layouts = this.#layouts
    const columns: ColumnLayout[] = []
    const prefix = reader.string()
    this.#version('G3VectorDouble')
    const at = reader.position + 8
    const times = this.#doubles()
    this.#version('G3MapVectorDouble')
    const value = new Map<string, Float64Array>()
    for (let left = reader.count(16); left > 0; left--) {
      const name = reader.string()
      const place = reader.position + 8
      const values = this.#doubles()
      value.set(name, values)
      columns.push({ name, kind: 'G3VectorDouble', at: place, count: values.length, bits: 64 })
    }
    const object: G3Of<'IrregBlockDouble'> = { kind: 'IrregBlockDouble', prefix, times, value }
    layouts?.set(object, { columns, at, count: times.length, ticks: false })
    return object
  }

  /** Each value of a map of objects is an archive of its own. */
  #objectMap(): Map<string, G3Object | null> {
    const entries = new Map<string, G3Object | null>()
    for (let left = this.#reader.count32(16); left > 0; left--) {
      const key = this.#reader.string()
      entries.set(key, this.#inside().top())
    }
    return entries
  }

  #columns(): ColumnLayout[] {
    const columns: ColumnLayout[] = []
    for (let left = this.#reader.count32(16); left > 0; left--) {
      const key = this.#reader.string()
      const column = this.#inside().column(key)
      if (column) columns.push(column)
    }
    return columns
  }

  /** A reader of the next archive, which follows its length; the outer reader skips it. */
  #inside(): ArchiveReader {
    const size = this.#reader.u64()
    const at = this.#reader.skip(size)
    return this.#decoder.reader(this.#depth, at, at + size)
  }

  #map<Value>(count: number, read: () => Value): Map<string, Value> {
    const entries = new Map<string, Value>()
    for (let left = count; left > 0; left--) entries.set(this.#reader.string(), read())
    return entries
  }
}

type Kind = Exclude<G3Object['kind'], 'Opaque'>
/** Set in a class id if the object is of the base class itself, which has no content. */
const baseClass = 0x40000000
const kinds = new Set(Object.keys(classVersions).filter((name) => name !== 'G3FrameObject'))

function isKnown(className: string): className is Kind {
  return kinds.has(className)
}

const nothing: ReadonlyMap<string, never> = new Map<string, never>()
const noTimes = new BigInt64Array(0)
