import { describe, expect, test } from 'bun:test'
import { G3FormatError } from './bytes.ts'
import {
  blockLayouts,
  encodeFrame,
  entry,
  findNextFrame,
  isIntact,
  locateFrame,
  walkFrames,
} from './frame.ts'
import type { G3Source } from './objects.ts'

const file = await Bun.file(`${import.meta.dir}/../../../fixtures/g3/hk.g3`).bytes()
const whole = [...walkFrames(file)]

function walk(buffer: Uint8Array, options?: { verify?: boolean; from?: number }) {
  const frames = walkFrames(buffer, options)
  const offsets: number[] = []
  for (;;) {
    const step = frames.next()
    if (step.done) return { offsets, ...step.value }
    offsets.push(step.value.offset)
  }
}

function frame(entries: Record<string, G3Source>): Uint8Array {
  return encodeFrame({ type: 'H', entries: new Map(Object.entries(entries)) })
}

/** The file with one bit flipped. */
function flipped(byte: number, bit: number): Uint8Array {
  const copy = file.slice()
  copy[byte] = (copy[byte] ?? 0) ^ (1 << bit)
  return copy
}

describe('walkFrames', () => {
  test('an empty file has no frames and no error', () => {
    expect(walk(new Uint8Array())).toEqual({ offsets: [], goodBytes: 0 })
  })

  test('a file cut at any byte yields every frame before the cut', () => {
    for (let cut = 0; cut <= file.length; cut++) {
      const before = whole.filter(({ offset, bytes }) => offset + bytes.length <= cut)
      const last = before.at(-1)
      const goodBytes = last ? last.offset + last.bytes.length : 0
      const end = walk(file.subarray(0, cut), { verify: true })
      expect(end.offsets).toEqual(before.map(({ offset }) => offset))
      expect(end.goodBytes).toBe(goodBytes)
      expect(end.error instanceof G3FormatError).toBe(cut !== goodBytes)
    }
  })

  test('a bit turned over anywhere ends the walk at its frame, and the next frame is found', () => {
    for (const [i, { offset, bytes }] of whole.entries())
      for (let byte = offset; byte < offset + bytes.length; byte++) {
        const damaged = flipped(byte, byte % 8)
        const end = walk(damaged, { verify: true })
        // The checksum does not cover the frame type, for which any other character is valid too.
        if (byte === offset + 9 && end.error === undefined) continue
        expect(end.offsets).toEqual(whole.slice(0, i).map((frame) => frame.offset))
        expect(end.goodBytes).toBe(offset)
        expect(findNextFrame(damaged, end.goodBytes + 1)).toBe(whole[i + 1]?.offset)
      }
  })

  test('without verify a wrong value passes', () => {
    const middle = whole[3]
    if (!middle) throw new Error('no frame')
    const damaged = flipped(middle.offset + middle.bytes.length - 1, 0)
    expect(walk(damaged).offsets).toHaveLength(whole.length)
    expect(isIntact(locateFrame(damaged, middle.offset))).toBe(false)
    expect(walk(damaged, { verify: true }).error?.message).toBe(
      `wrong checksum in the frame at byte ${middle.offset}`,
    )
  })

  test('goes on from a frame', () => {
    const from = whole[4]?.offset ?? 0
    expect(walk(file, { from }).offsets).toEqual(whole.slice(4).map(({ offset }) => offset))
    expect(walk(file, { from: file.length })).toEqual({ offsets: [], goodBytes: file.length })
  })
})

describe('findNextFrame', () => {
  test('finds a frame behind rubbish that looks like a header', () => {
    const lookalike = Uint8Array.of(1, 1, 0, 0, 0, 1, 0, 0, 0, 0x48, 0, 0, 0, 255, 255, 255)
    const buffer = Buffer.concat([lookalike, lookalike, file])
    expect(findNextFrame(buffer)).toBe(32)
    expect(findNextFrame(buffer, 33)).toBe(32 + (whole[1]?.offset ?? 0))
    expect(findNextFrame(lookalike)).toBeUndefined()
    expect(findNextFrame(buffer, buffer.length)).toBeUndefined()
  })

  test('gives up on a file made of headers of frames that reach to its end', () => {
    const buffer = Buffer.alloc(1 << 20)
    const header = '0101000000010000004800000001000000000000006e'
    for (let at = 0; at + 40 < buffer.length; at += 32) {
      buffer.write(header, at, 'hex')
      buffer.writeUInt32LE(buffer.length - at - 40, at + header.length / 2)
    }
    // Counts the bytes that are examined, first to find the end of an entry and then as a frame.
    let tested = 0
    const part = buffer.subarray.bind(buffer)
    buffer.subarray = (from?: number, to?: number) => {
      const bytes = part(from, to)
      tested += bytes.length
      return bytes
    }
    expect(findNextFrame(buffer)).toBeUndefined()
    expect(tested / buffer.length).toBeLessThan(200) // about 30,000 without its limit
  })

  test('a frame type other than H is found too, one without entries is not', () => {
    const empty = encodeFrame({ type: 'H', entries: new Map() })
    const scan = encodeFrame({ type: 'S', entries: new Map([['a', { kind: 'G3Bool', value: true }]]) })
    expect(findNextFrame(Buffer.concat([empty, scan]))).toBe(empty.length)
  })
})

describe('entry', () => {
  test('reads an entry of a kind', () => {
    const [session, , data] = whole
    if (!(session && data)) throw new Error('no frames')
    expect(entry(session, 'session_id', 'G3Int')?.value).toBe(2n ** 59n + 12345n)
    expect(entry(session, 'nothing', 'G3Int')).toBeUndefined()
    expect(() => entry(session, 'session_id', 'G3Double')).toThrow(
      "entry 'session_id' at byte 0 is G3Int, not G3Double",
    )
    const blocks = entry(data, 'blocks', 'G3VectorFrameObject')
    const block = blocks?.value[0]
    if (block?.kind !== 'G3TimesampleMap') throw new Error('no block')
    expect(block.value.has('raw')).toBe(true)
    expect(block.times[0]).toBe(170000000000000000n)
  })

  test('says where bytes are that cannot be read', () => {
    const located = locateFrame(frame({ a: { kind: 'Opaque', className: '', value: Uint8Array.of(1, 2) } }))
    expect(() => entry(located, 'a', 'G3Int')).toThrow(
      "entry 'a' of the frame at byte 0: 4 bytes needed at byte 31, 1 left",
    )
    expect(() => blockLayouts(located, 'a')).toThrow(G3FormatError)
    expect(blockLayouts(located)).toEqual([])
  })
})

describe('encodeFrame', () => {
  test('what it writes is intact and comes back in order', () => {
    const bytes = frame({
      zulu: { kind: 'G3Int', value: 1 },
      alpha: { kind: 'G3String', value: 'x'.repeat(1e5) },
    })
    const located = locateFrame(bytes)
    expect(isIntact(located)).toBe(true)
    expect(located.bytes.length).toBe(bytes.length)
    expect(Array.from(located.entries, ([name]) => name)).toEqual(['zulu', 'alpha'])
    expect(entry(located, 'alpha', 'G3String')?.value).toBe('x'.repeat(1e5))
  })

  test('an error names the entry, and the type must be one character', () => {
    expect(() => frame({ count: { kind: 'G3Int', value: 0.5 } })).toThrow(
      "entry 'count': 0.5 is not an integer",
    )
    for (const type of ['', 'HK', 'é', '\0'])
      expect(() => encodeFrame({ type, entries: new Map() })).toThrow(RangeError)
  })
})
