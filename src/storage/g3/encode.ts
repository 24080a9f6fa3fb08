/**
 * Writes frame objects as spt3g does: an archive in cereal's portable binary format with one polymorphic
 * pointer. Class versions, class names and objects are written at their first appearance and referenced after
 * that.
 */
import { ByteWriter } from './bytes.ts'
import { int64, intArray, storeBits } from './integers.ts'
import { type ClassName, classVersions, firstAppearance, type G3Source, maxDepth } from './objects.ts'
import { type Times, ticksFrom, ticksFromSeconds } from './time.ts'

/**
 * The archive of `object`: what a frame stores under a name.
 * Throws RangeError for a value its class cannot hold: an integer beyond 64 bits or with a fraction, a time that is
 * not finite, nesting deeper than 64; TypeError for an object that cannot be written (see `G3Source`).
 */
export function encodeObject(object: G3Source | null): Uint8Array {
  const writer = new ByteWriter(1024)
  writeArchive(writer, object)
  return writer.written()
}

/** Appends the archive of `object` to `writer`; throws like `encodeObject`. */
export function writeArchive(writer: ByteWriter, object: G3Source | null, depth = 0): void {
  if (object?.kind === 'Opaque') writer.array(object.value)
  else new ArchiveWriter(writer, depth).top(object)
}

type Writable = Exclude<G3Source, { kind: 'Opaque' | 'IrregBlockDouble' }>

function writable(object: G3Source): Writable {
  if (object.kind === 'Opaque')
    throw new TypeError(`an object of unknown class ${object.className} can only fill a whole entry`)
  if (object.kind === 'IrregBlockDouble') throw new TypeError('blocks of housekeeping schema 0 are read only')
  return object
}

class ArchiveWriter {
  readonly #writer: ByteWriter
  readonly #versioned = new Set<ClassName>()
  readonly #names = new Map<string, number>()
  readonly #objects = new Map<G3Source, number>()
  #depth: number

  constructor(writer: ByteWriter, depth: number) {
    this.#writer = writer
    this.#depth = depth
  }

  top(object: G3Source | null): void {
    this.#writer.u8(1) // little-endian
    this.#pointer(object)
  }

  #pointer(object: G3Source | null): void {
    if (object === null) {
      this.#writer.u32(0)
      return
    }
    if (this.#first(this.#names, object.kind)) this.#writer.string(object.kind)
    if (!this.#first(this.#objects, object)) return
    this.#depth++
    if (this.#depth > maxDepth) throw new RangeError(`G3 objects nested deeper than ${maxDepth}`)
    this.#body(writable(object))
    this.#depth--
  }

  /** Writes the id of `key`, with a mark if it is new. */
  #first<Key>(ids: Map<Key, number>, key: Key): boolean {
    const known = ids.get(key)
    const id = known ?? ids.size + 1
    this.#writer.u32(known ?? firstAppearance + id)
    ids.set(key, id)
    return known === undefined
  }

  #version(name: ClassName): void {
    if (this.#versioned.has(name)) return
    this.#versioned.add(name)
    this.#writer.u32(classVersions[name])
  }

  #body(object: Writable): void {
    const writer = this.#writer
    this.#version(object.kind)
    if (object.kind === 'G3TimesampleMap') this.#version('G3MapFrameObject')
    this.#version('G3FrameObject')
    switch (object.kind) {
      case 'G3Bool':
        writer.u8(object.value ? 1 : 0)
        break
      case 'G3Int':
        writer.i64(int64(object.value))
        break
      case 'G3Double':
        writer.f64(object.value)
        break
      case 'G3String':
        writer.string(object.value)
        break
      case 'G3Time':
        writer.i64(typeof object.value === 'number' ? ticksFromSeconds(object.value) : int64(object.value))
        break
      case 'G3VectorDouble':
        this.#doubles(object.value)
        break
      case 'G3VectorInt': {
        const bits = storeBits(object.value)
        writer.u32(bits)
        writer.u64(object.value.length)
        writer.array(intArray(object.value, bits))
        break
      }
      case 'G3VectorBool':
        writer.u64(object.value.length)
        writer.array(bytesOf(object.value))
        break
      case 'G3VectorString':
        writer.strings(object.value)
        break
      case 'G3VectorTime':
        this.#times(object.value)
        break
      case 'G3VectorFrameObject':
        writer.u64(object.value.length)
        for (const item of object.value) this.#pointer(item)
        break
      case 'G3MapFrameObject':
        this.#objectMap(object.value)
        break
      case 'G3TimesampleMap':
        this.#objectMap(object.value)
        this.#version('G3VectorTime')
        this.#times(object.times)
        break
      case 'G3MapString':
        this.#map(object.value, (text) => writer.string(text))
        break
      case 'G3MapDouble':
        this.#map(object.value, (value) => writer.f64(value))
        break
      case 'G3MapVectorDouble':
        this.#map(object.value, (values) => this.#doubles(values))
        break
      case 'G3MapInt': {
        const bits = storeBits([...object.value.values()])
        writer.u32(bits)
        this.#map(object.value, (value) => writer.array(intArray([value], bits)))
        break
      }
      case 'G3MapVectorInt':
        writer.u32(object.value.size)
        for (const [key, values] of sorted(object.value)) {
          const bits = storeBits(values)
          writer.string(key)
          writer.u32(bits)
          writer.u64(values.length)
          writer.array(intArray(values, bits))
        }
    }
  }

  #doubles(values: ArrayLike<number>): void {
    this.#writer.u64(values.length)
    if (values instanceof Float64Array) this.#writer.array(values)
    else this.#writer.doubles(values)
  }

  /**
   * A vector of times: the elements are objects of a class, so a version is stored with the first of them.
   */
  #times(times: Times): void {
    this.#writer.u64(times.length)
    if (times.length > 0) this.#version('G3Time')
    this.#writer.array(ticksFrom(times))
  }

  #objectMap(entries: ReadonlyMap<string, G3Source | null>): void {
    this.#writer.u32(entries.size)
    for (const [key, object] of sorted(entries)) {
      this.#writer.string(key)
      this.#writer.sized(() => writeArchive(this.#writer, object, this.#depth))
    }
  }

  #map<Value>(entries: ReadonlyMap<string, Value>, write: (value: Value) => void): void {
    this.#writer.u64(entries.size)
    for (const [key, value] of sorted(entries)) {
      this.#writer.string(key)
      write(value)
    }
  }
}

function bytesOf(values: ArrayLike<boolean | number>): Uint8Array {
  const bytes = new Uint8Array(values.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = values[i] ? 1 : 0
  return bytes
}

/** In the order of a C++ map: by UTF-8 bytes. */
function sorted<Value>(entries: ReadonlyMap<string, Value>): [string, Value][] {
  return [...entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}
