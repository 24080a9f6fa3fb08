import { describe, expect, test } from 'bun:test'
import { decodeObject } from './decode.ts'
import { encodeObject } from './encode.ts'
import { type G3Object, type G3Source, maxDepth } from './objects.ts'

const back = (object: G3Source) => decodeObject(encodeObject(object))

function contentOf(object: G3Object | null): unknown {
  return object && 'value' in object ? object.value : undefined
}

describe('vectors take what a caller holds', () => {
  test('doubles', () => {
    const values = [1.5, -0, Number.NaN, Infinity, 5e-324]
    const expected = encodeObject({ kind: 'G3VectorDouble', value: values })
    expect(encodeObject({ kind: 'G3VectorDouble', value: Float64Array.from(values) })).toEqual(expected)
    const part = Float64Array.from([9, ...values, 9]).subarray(1, 6)
    expect(encodeObject({ kind: 'G3VectorDouble', value: part })).toEqual(expected)
    const read = back({ kind: 'G3VectorDouble', value: values })
    if (read?.kind !== 'G3VectorDouble') throw new Error('no vector')
    expect([...read.value]).toEqual(values)
  })

  test('integers, in the narrowest width', () => {
    const cases: [(number | bigint)[], object][] = [
      [[], Int8Array.of()],
      [[-128, 127n], Int8Array.of(-128, 127)],
      [[128], Int16Array.of(128)],
      [[-129n], Int16Array.of(-129)],
      [[-32769], Int32Array.of(-32769)],
      [[2 ** 31 - 1, -(2 ** 31)], Int32Array.of(2 ** 31 - 1, -(2 ** 31))],
      [[2 ** 31], BigInt64Array.of(2n ** 31n)],
      [[2 ** 53, -1], BigInt64Array.of(2n ** 53n, -1n)],
      [[2n ** 63n - 1n, -(2n ** 63n)], BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n))],
    ]
    for (const [value, expected] of cases)
      expect(contentOf(back({ kind: 'G3VectorInt', value }))).toEqual(expected)
    const same = encodeObject({ kind: 'G3VectorInt', value: [1, 2] })
    for (const value of [
      Int32Array.of(1, 2),
      BigInt64Array.of(1n, 2n),
      Float64Array.of(1, 2),
      Uint8Array.of(1, 2),
    ])
      expect(encodeObject({ kind: 'G3VectorInt', value })).toEqual(same)
    expect(contentOf(back({ kind: 'G3VectorInt', value: BigUint64Array.of(2n ** 63n - 1n) }))).toEqual(
      BigInt64Array.of(2n ** 63n - 1n),
    )
  })

  test('integers that cannot be held are refused', () => {
    const wrong = [2 ** 63, -(2 ** 63) - 2048, 2n ** 63n, -(2n ** 63n) - 1n, 0.5, Number.NaN, Infinity]
    for (const value of wrong) {
      expect(() => encodeObject({ kind: 'G3VectorInt', value: [0, value] })).toThrow(RangeError)
      expect(() => encodeObject({ kind: 'G3Int', value })).toThrow(RangeError)
      expect(() => encodeObject({ kind: 'G3MapInt', value: new Map([['a', value]]) })).toThrow(RangeError)
    }
    expect(() => encodeObject({ kind: 'G3Time', value: 2n ** 63n })).toThrow(RangeError)
    expect(() => encodeObject({ kind: 'G3Time', value: Number.NaN })).toThrow(RangeError)
  })

  test('times as seconds or ticks', () => {
    const ticks = encodeObject({ kind: 'G3VectorTime', value: BigInt64Array.of(150000000n, -50000000n) })
    expect(encodeObject({ kind: 'G3VectorTime', value: [1.5, -0.5] })).toEqual(ticks)
    expect(encodeObject({ kind: 'G3VectorTime', value: Float64Array.of(1.5, -0.5) })).toEqual(ticks)
    expect(back({ kind: 'G3Time', value: 1.5 })).toEqual({ kind: 'G3Time', value: 150000000n })
    expect(back({ kind: 'G3Time', value: 15n })).toEqual({ kind: 'G3Time', value: 15n })
    expect(() => encodeObject({ kind: 'G3VectorTime', value: [1, Number.NaN] })).toThrow(RangeError)
  })

  test('booleans as booleans or numbers', () => {
    const expected = Uint8Array.of(1, 0, 1)
    expect(contentOf(back({ kind: 'G3VectorBool', value: [true, false, true] }))).toEqual(expected)
    expect(contentOf(back({ kind: 'G3VectorBool', value: Uint8Array.of(7, 0, 1) }))).toEqual(expected)
  })

  test('strings of any text', () => {
    const value = [
      '',
      'a',
      'a',
      'nul\0',
      '\ufeffmark',
      'é'.repeat(12),
      'é'.repeat(500),
      '🧊',
      'a'.repeat(24),
      'b'.repeat(25),
    ]
    expect(contentOf(back({ kind: 'G3VectorString', value }))).toEqual(value)
    expect(contentOf(back({ kind: 'G3String', value: 'lone \ud800' }))).toBe('lone \ufffd')
  })
})

describe('objects', () => {
  test('one object in two places is written once', () => {
    const block: G3Source = { kind: 'G3TimesampleMap', times: [1, 2], value: new Map() }
    const once = encodeObject({ kind: 'G3VectorFrameObject', value: [block] })
    const twice = encodeObject({ kind: 'G3VectorFrameObject', value: [block, block, null] })
    expect(twice.length).toBe(once.length + 8 + 4)
    const read = decodeObject(twice)
    if (read?.kind !== 'G3VectorFrameObject') throw new Error('no vector')
    expect(read.value[1]).toBe(read.value[0] as G3Object)
    expect(read.value[2]).toBeNull()
  })

  test('null is a null pointer, also in a map', () => {
    expect(decodeObject(encodeObject(null))).toBeNull()
    const map: G3Source = { kind: 'G3MapFrameObject', value: new Map([['nothing', null]]) }
    expect(back(map)).toEqual({ kind: 'G3MapFrameObject', value: new Map([['nothing', null]]) })
  })

  test('an unknown class is written as it was read, as a whole entry only', () => {
    const value = encodeObject({ kind: 'G3Int', value: 1 })
    const opaque: G3Source = { kind: 'Opaque', className: 'G3Timestream', value }
    expect(encodeObject(opaque)).toEqual(value)
    const map = back({ kind: 'G3MapFrameObject', value: new Map([['a', opaque]]) })
    expect(map).toEqual({ kind: 'G3MapFrameObject', value: new Map([['a', { kind: 'G3Int', value: 1n }]]) })
    expect(() => encodeObject({ kind: 'G3VectorFrameObject', value: [opaque] })).toThrow(
      'an object of unknown class G3Timestream can only fill a whole entry',
    )
    const old: G3Source = {
      kind: 'IrregBlockDouble',
      prefix: '',
      times: new Float64Array(),
      value: new Map(),
    }
    expect(() => encodeObject(old)).toThrow('read only')
  })

  test('nests 64 deep and no deeper, by vectors and by maps', () => {
    const wraps: ((inner: G3Source) => G3Source)[] = [
      (inner) => ({ kind: 'G3VectorFrameObject', value: [inner] }),
      (inner) => ({ kind: 'G3MapFrameObject', value: new Map([['in', inner]]) }),
    ]
    for (const wrap of wraps) {
      let object: G3Source = { kind: 'G3Bool', value: true }
      for (let i = 1; i < maxDepth; i++) object = wrap(object)
      expect(back(object)).toEqual(object as G3Object)
      expect(() => encodeObject(wrap(object))).toThrow('G3 objects nested deeper than 64')
    }
    const cycle = new Map<string, G3Source>()
    cycle.set('self', { kind: 'G3MapFrameObject', value: cycle })
    expect(() => encodeObject({ kind: 'G3MapFrameObject', value: cycle })).toThrow(RangeError)
  })
})

test('texts that repeat, wherever the room for them ends', () => {
  const states = ['cooling', 'cooling', 'ä', 'ä', 'ä', '', '', 'regulating at 4.2 K within a millikelvin']
  const texts = Array.from({ length: 5000 }, (_, i) => states[Math.floor(i / 3) % states.length] ?? '')
  expect(back({ kind: 'G3VectorString', value: texts })).toEqual({ kind: 'G3VectorString', value: texts })
})
