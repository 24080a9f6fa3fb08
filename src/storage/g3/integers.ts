/**
 * Integers as G3 stores them: in the narrowest of 8, 16, 32 and 64 bits that holds all values of a vector.
 */
import { type ByteReader, G3FormatError } from './bytes.ts'

/** Integers as read: `number` elements up to 32 bits, `bigint` elements for 64, so every value is exact. */
export type IntArray = Int8Array | Int16Array | Int32Array | BigInt64Array

/** Integers as callers may give them; numbers must be whole. */
export type Integers = ArrayLike<number | bigint>

/** Bits of an integer in a vector. */
export type Bits = 8 | 16 | 32 | 64

/** Bits per value. Throws RangeError for a fraction, NaN, an infinity, or a value beyond 64 bits. */
export function storeBits(values: Integers): Bits {
  let low: number | bigint = 0
  let high: number | bigint = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN
    if (typeof value === 'number' && !Number.isInteger(value))
      throw new RangeError(`${value} is not an integer`)
    if (value < low) low = value
    else if (value > high) high = value
  }
  if (low >= -0x80 && high <= 0x7f) return 8
  if (low >= -0x8000 && high <= 0x7fff) return 16
  if (low >= -0x80000000 && high <= 0x7fffffff) return 32
  if (low >= -(2n ** 63n) && high < 2n ** 63n) return 64
  throw new RangeError(`${low < -(2n ** 63n) ? low : high} does not fit 64 bits`)
}

/** An integer as a bigint; throws RangeError like `storeBits`. */
export function int64(value: number | bigint): bigint {
  storeBits([value])
  return BigInt(value)
}

/** The values in an array of `bits`, which must hold them. */
export function intArray(values: Integers, bits: Bits): IntArray {
  if (bits === 64) {
    if (values instanceof BigInt64Array) return values
    return BigInt64Array.from({ length: values.length }, (_, i) => BigInt(values[i] ?? 0))
  }
  const array =
    bits === 8
      ? new Int8Array(values.length)
      : bits === 16
        ? new Int16Array(values.length)
        : new Int32Array(values.length)
  for (let i = 0; i < array.length; i++) array[i] = Number(values[i])
  return array
}

/** Reads the width of the integers that follow. */
export function readBits(reader: ByteReader): Bits {
  const bits = reader.u32()
  if (bits !== 8 && bits !== 16 && bits !== 32 && bits !== 64)
    throw new G3FormatError(`integers of ${bits} bits at byte ${reader.position - 4}`)
  return bits
}

/** Reads `count` integers. */
export function readInts(reader: ByteReader, bits: Bits, count: number): IntArray {
  const buffer = reader.copy(count * (bits / 8))
  if (bits === 8) return new Int8Array(buffer)
  if (bits === 16) return new Int16Array(buffer)
  if (bits === 32) return new Int32Array(buffer)
  return new BigInt64Array(buffer)
}
