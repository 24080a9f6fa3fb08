import { describe, expect, test } from 'bun:test'
import { ByteReader, ByteWriter, G3FormatError } from './bytes.ts'
import { Decoder, decodeObject } from './decode.ts'
import { encodeObject } from './encode.ts'
import { findNextFrame, locateFrame, walkFrames } from './frame.ts'
import { classVersions, firstAppearance, type G3Source } from './objects.ts'

const folder = `${import.meta.dir}/../../../fixtures/g3`
const names = ['hk', 'hk-schema0', 'hk-schema1', 'objects']
const files = await Promise.all(names.map((name) => Bun.file(`${folder}/${name}.g3`).bytes()))
const frames = files.flatMap((file) => [...walkFrames(file)])
const archives = frames.flatMap(({ entries }) => Array.from(entries, ([, part]) => part))

/** An archive written by hand: `body` follows the class name and object id. */
function archive(className: string, body: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter(64)
  writer.u8(1)
  writer.u32(firstAppearance + 1)
  writer.string(className)
  writer.u32(firstAppearance + 1)
  body(writer)
  return writer.written()
}

function block(times: number[], fields: Record<string, G3Source>): G3Source {
  return { kind: 'G3TimesampleMap', times, value: new Map(Object.entries(fields)) }
}

describe('decodeObject', () => {
  test('version 1 of the integer classes: 32 bits always', () => {
    const ints = archive('G3VectorInt', (writer) => {
      for (const word of [1, 1, 2, 0, 7, 0xffffffff]) writer.u32(word)
    })
    expect(decodeObject(ints)).toEqual({ kind: 'G3VectorInt', value: Int32Array.of(7, -1) })
    const map = archive('G3MapInt', (writer) => {
      for (const word of [1, 1, 1, 0]) writer.u32(word)
      writer.string('a')
      writer.u32(0xfffffffe)
    })
    expect(decodeObject(map)).toEqual({ kind: 'G3MapInt', value: new Map([['a', -2n]]) })
  })

  test('an unknown class is opaque, whatever its name', () => {
    for (const className of ['G3Timestream', 'toString', 'Opaque', '__proto__', '']) {
      const bytes = archive(className, (writer) => writer.u32(99))
      expect(decodeObject(bytes)).toEqual({ kind: 'Opaque', className, value: bytes })
    }
  })

  test('each thing wrong has a message', () => {
    const int = encodeObject({ kind: 'G3Int', value: 1 })
    const big = int.slice()
    big[0] = 0
    expect(() => decodeObject(big)).toThrow('not a little-endian archive')
    expect(() => decodeObject(Buffer.concat([int, int]))).toThrow('bytes too many')
    expect(() => decodeObject(new Uint8Array())).toThrow('1 bytes needed at byte 0, 0 left')
    const newer = archive('G3Int', (writer) => writer.u32(2))
    expect(() => decodeObject(newer)).toThrow('G3Int of version 2: 1 is the newest known')
    const odd = archive('G3VectorInt', (writer) => {
      for (const word of [2, 1, 24, 0, 0]) writer.u32(word)
    })
    expect(() => decodeObject(odd)).toThrow('integers of 24 bits')
    const nested = archive('G3VectorFrameObject', (writer) => {
      for (const word of [1, 1, 1, 0, firstAppearance + 2]) writer.u32(word)
      writer.string('G3Timestream')
    })
    expect(() => decodeObject(nested)).toThrow('an object of unknown class G3Timestream inside another')
  })

  test('lengths far beyond the bytes are refused for every class before anything is allocated', () => {
    for (const className of Object.keys(classVersions).filter((name) => /Vector|Map|String|Irreg/.test(name)))
      for (const words of [
        [0xffffffff, 0xffffffff],
        [0, 256],
        [0xffffffff, 0],
      ]) {
        for (const before of [[], [1], [0], [1, 1], [0, 1], [2, 1, 64], [0, 1, 1], [2, 1]]) {
          const bytes = archive(className, (writer) => {
            for (const word of [...before, ...words, ...words, ...words]) writer.u32(word)
          })
          expect(() => decodeObject(bytes)).toThrow(G3FormatError)
        }
      }
  })

  test('nesting without end is refused', () => {
    const deep = archive('G3VectorFrameObject', (writer) => {
      writer.u32(1)
      writer.u32(1)
      for (let i = 2; i < 1e5; i++) {
        writer.u64(1)
        writer.u32(1)
        writer.u32(firstAppearance + i)
      }
      writer.u64(0)
    })
    expect(() => decodeObject(deep)).toThrow('objects nested deeper than 64')
  })
})

/** The layouts of the blocks in an archive. */
function layouts(bytes: Uint8Array) {
  return new Decoder(bytes).blocks(0, bytes.length)
}

describe('layouts of blocks', () => {
  test('tell of each item, in its place, where values are that decoding gives', () => {
    const shared = block([1, 2, 4], {
      b: { kind: 'G3VectorBool', value: [true, false, true] },
      i: { kind: 'G3VectorInt', value: [1, -2, 300] },
      nested: { kind: 'G3MapFrameObject', value: new Map() },
      s: { kind: 'G3VectorString', value: ['a', '', 'ccc'] },
      x: { kind: 'G3VectorDouble', value: [1, 2, 3] },
    })
    const value = [shared, null, { kind: 'G3Bool', value: true } as const, block([], {}), shared]
    const bytes = encodeObject({ kind: 'G3VectorFrameObject', value })
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    const [one, two, three, four, five] = layouts(bytes)
    expect([two, three, five]).toEqual([null, null, one ?? null])
    expect(four).toMatchObject({ columns: [], count: 0 })
    expect(one).toMatchObject({ count: 3, ticks: true })
    expect(view.getBigInt64((one?.at ?? 0) + 16, true)).toBe(400000000n)
    const [b, i, s, x] = one?.columns ?? []
    expect(one?.columns.map(({ name, kind, count, bits }) => [name, kind, count, bits])).toEqual([
      ['b', 'G3VectorBool', 3, 8],
      ['i', 'G3VectorInt', 3, 16],
      ['s', 'G3VectorString', 3, 0],
      ['x', 'G3VectorDouble', 3, 64],
    ])
    expect([...bytes.subarray(b?.at, (b?.at ?? 0) + 3)]).toEqual([1, 0, 1])
    expect(view.getInt16((i?.at ?? 0) + 4, true)).toBe(300)
    expect(new ByteReader(bytes, s?.at).strings()).toEqual(['a', '', 'ccc'])
    expect(view.getFloat64((x?.at ?? 0) + 8, true)).toBe(2)
  })

  test('a block of schema 0', () => {
    const old = [...walkFrames(files[1] ?? new Uint8Array())].at(-1)
    const bytes = old?.entries.get('blocks') ?? new Uint8Array()
    const [one, ...others] = layouts(bytes)
    expect(others).toEqual([])
    expect(one).toMatchObject({ count: 3, ticks: false })
    expect(one?.columns.map(({ name, count, bits }) => [name, count, bits])).toEqual([
      ['position', 3, 64],
      ['speed', 3, 64],
    ])
    expect(new ByteReader(bytes, one?.at).f64()).toBe(1500000001)
    expect(new ByteReader(bytes, one?.columns[0]?.at).f64()).toBe(2)
  })

  test('are not of anything but a vector of objects', () => {
    expect(() => layouts(encodeObject({ kind: 'G3Int', value: 1 }))).toThrow(G3FormatError)
    expect(() => layouts(encodeObject(null))).toThrow(G3FormatError)
  })

  test('a column that is longer than its archive is refused', () => {
    const bytes = encodeObject({
      kind: 'G3VectorFrameObject',
      value: [block([1], { x: { kind: 'G3VectorDouble', value: [1] } })],
    })
    const at = layouts(bytes)[0]?.columns[0]?.at ?? 0
    for (const count of [0, 2, 255]) {
      const other = bytes.slice()
      other[at - 8] = count
      expect(() => layouts(other)).toThrow(G3FormatError)
    }
  })
})

/** A repeatable source of random numbers from 0 to below `below` (Mulberry32). */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/**
 * Applies one to four mutations: a bit flipped, a byte or word replaced, bytes removed, repeated, or cut off.
 */
function mutated(original: Uint8Array, pick: (below: number) => number): Uint8Array {
  let bytes = Buffer.from(original)
  for (let times = 1 + pick(4); times > 0 && bytes.length > 8; times--) {
    const at = pick(bytes.length - 4)
    const kind = pick(6)
    if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << pick(8))
    else if (kind === 1) bytes[at] = pick(256)
    else if (kind === 2)
      bytes.writeUInt32LE([0, 1, 0x7fffffff, firstAppearance, 0xffffffff][pick(5)] ?? 0, at)
    else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + pick(16))])
    else if (kind === 4) bytes = Buffer.concat([bytes.subarray(0, at + 4), bytes.subarray(at)])
    else bytes = bytes.subarray(0, at)
  }
  return bytes
}

/** Whether `read` accepts its input; rethrows any error but G3FormatError. */
function accepts(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch (error) {
    if (error instanceof G3FormatError) return false
    throw error
  }
}

test('damaged archives and frames raise G3FormatError or are read, 20,000 times', () => {
  const pick = numbers(20231114)
  const seen = { read: 0, refused: 0 }
  const note = (accepted: boolean) => seen[accepted ? 'read' : 'refused']++
  for (let i = 0; i < 16_000; i++) {
    const bytes = mutated(archives[i % archives.length] ?? new Uint8Array(), pick)
    note(accepts(() => decodeObject(bytes)))
    accepts(() => layouts(bytes))
  }
  for (let i = 0; i < 4_000; i++) {
    const bytes = mutated(frames[i % frames.length]?.bytes ?? new Uint8Array(), pick)
    note(accepts(() => Array.from(locateFrame(bytes).entries, ([, part]) => decodeObject(part))))
    for (const frame of walkFrames(bytes, { verify: true })) expect(frame.bytes.length).toBeGreaterThan(16)
    findNextFrame(bytes)
  }
  expect(seen.read + seen.refused).toBe(20_000)
  expect(seen.read).toBeGreaterThan(1000)
  expect(seen.refused).toBeGreaterThan(5000)
}, 300_000)
