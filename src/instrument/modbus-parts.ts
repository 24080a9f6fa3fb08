/**
 * How values are stored in Modbus registers, which a reply lists as numbers from 0 to 65535, separated by
 * commas. Places count from the first requested register.
 */
import { TransportError } from '../core/errors.ts'
import type { Value } from '../core/wire.ts'
import { integer } from './codec.ts'
import { nth, type Part } from './parts.ts'
import type { Format } from './registers.ts'

/**
 * The byte order of a value in two registers, highest byte first: `ABCD` is Modbus's own, `CDAB` has the low
 * word first, `BADC` and `DCBA` are the same with the bytes of each register swapped. Four registers follow
 * the same pattern.
 */
export type Order = 'ABCD' | 'CDAB' | 'BADC' | 'DCBA'

const register = (place: number): Part<number> => ({
  place: (parts, value) => nth(place, integer).place(parts, Math.round(value)),
  decode: (reply) => {
    const word = nth(place, integer).decode(reply)
    if (word < 0 || word > 65_535) throw new TransportError(`${word} is not a register, 0 to 65535`)
    return word
  },
})

/** A value in this many registers, read and written as bytes, highest first. */
function inRegisters<T extends Value>(
  place: number,
  count: number,
  order: Order,
  get: (bytes: DataView) => T,
  set: (bytes: DataView, value: T) => void,
): Part<T> {
  const lowFirst = order === 'CDAB' || order === 'DCBA'
  const isSwapped = order === 'BADC' || order === 'DCBA'
  const bytes = new DataView(new ArrayBuffer(2 * count))
  const registers = Array.from({ length: count }, (_, i) => register(place + (lowFirst ? count - 1 - i : i)))
  return {
    decode: (reply) => {
      for (const [i, { decode }] of registers.entries()) bytes.setUint16(2 * i, decode(reply), isSwapped)
      return get(bytes)
    },
    place: (parts, value) => {
      set(bytes, value)
      for (const [i, one] of registers.entries()) one.place(parts, bytes.getUint16(2 * i, isSwapped))
    },
  }
}

/** Exact whole numbers: beyond 2^53 as `bigint`. */
const exact = (value: bigint): number | bigint => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
/** A simulated value may have noise. */
const whole = (value: number | bigint): bigint =>
  typeof value === 'bigint' ? value : BigInt(Math.round(value))

/** 0 to 65535. */
export const uint16 = (place: number): Part<number> => register(place)

/** -32768 to 32767. */
export const int16 = (place: number): Part<number> =>
  inRegisters(
    place,
    1,
    'ABCD',
    (bytes) => bytes.getInt16(0),
    (bytes, value) => bytes.setInt16(0, Math.round(value)),
  )

/** An unsigned whole number in two registers. */
export const uint32 = (place: number, order: Order = 'CDAB'): Part<number> =>
  inRegisters(
    place,
    2,
    order,
    (bytes) => bytes.getUint32(0),
    (bytes, value) => bytes.setUint32(0, Math.round(value)),
  )

/**
 * A signed whole number in two registers; for one that is stored as a float use `integral(float32(place))`.
 */
export const int32 = (place: number, order: Order = 'CDAB'): Part<number> =>
  inRegisters(
    place,
    2,
    order,
    (bytes) => bytes.getInt32(0),
    (bytes, value) => bytes.setInt32(0, Math.round(value)),
  )

/** An unsigned whole number in four registers; from 2^63 on it fits no field. */
export const uint64 = (place: number, order: Order = 'CDAB'): Part<number | bigint> =>
  inRegisters(
    place,
    4,
    order,
    (bytes) => exact(bytes.getBigUint64(0)),
    (bytes, value) => bytes.setBigUint64(0, whole(value)),
  )

/** A signed whole number in four registers. */
export const int64 = (place: number, order: Order = 'CDAB'): Part<number | bigint> =>
  inRegisters(
    place,
    4,
    order,
    (bytes) => exact(bytes.getBigInt64(0)),
    (bytes, value) => bytes.setBigInt64(0, whole(value)),
  )

/** An IEEE 754 number in two registers, with the low word first by default, as in Cryomech compressors. */
export const float32 = (place: number, order: Order = 'CDAB'): Part<number> =>
  inRegisters(
    place,
    2,
    order,
    (bytes) => bytes.getFloat32(0),
    (bytes, value) => bytes.setFloat32(0, value),
  )

/** An IEEE 754 number in four registers. */
export const float64 = (place: number, order: Order = 'CDAB'): Part<number> =>
  inRegisters(
    place,
    4,
    order,
    (bytes) => bytes.getFloat64(0),
    (bytes, value) => bytes.setFloat64(0, value),
  )

/** Decimal digits of four bits each, in this many registers. A digit above 9 is a TransportError. */
export function bcd(place: number, registers: 1 | 2 = 1, order: Order = 'CDAB'): Part<number> {
  const { decode, place: put } = registers === 1 ? uint16(place) : uint32(place, order)
  return {
    decode: (reply) => {
      const digits = decode(reply).toString(16)
      if (/[a-f]/.test(digits))
        throw new TransportError(`0x${digits} is not a number in decimal digits (BCD)`)
      return Number(digits)
    },
    place: (parts, value) => put(parts, Number.parseInt(String(Math.round(value)), 16)),
  }
}

/** This many bits of a register as a number; `from` counts from the lowest, 0. One bit is 1 or 0. */
export function bits(place: number, from: number, count = 1): Part<number> {
  const { decode, place: put } = uint16(place)
  const mask = 2 ** count - 1
  return {
    decode: (reply) => (decode(reply) >>> from) & mask,
    // Other bits of the same register are kept.
    place: (parts, value) =>
      put(parts, (Number(parts[place] ?? 0) & ~(mask << from)) | ((value & mask) << from)),
  }
}

/** A number that is stored in other units: `factor` times the stored value, plus `offset`. */
export function scaled(part: Part<number>, factor: number, offset = 0): Part<number> {
  return {
    // 3 times 0.1 gives 0.3.
    decode: (reply) => Number((part.decode(reply) * factor + offset).toPrecision(15)),
    place: (parts, value) => part.place(parts, Number(((value - offset) / factor).toPrecision(15))),
  }
}

/** A whole number that is stored as a float. A fraction is a TransportError. */
export function integral(part: Part<number>): Part<number> {
  return {
    ...part,
    decode: (reply) => {
      const value = part.decode(reply)
      if (!Number.isSafeInteger(value)) throw new TransportError(`${value} is not a whole number`)
      return value + 0
    },
  }
}

/** The record of a writable register, by parts: a signed value, or one in other units. */
export function words<N extends string>(
  parts: Readonly<Record<N, Part<number>>>,
): Format<Readonly<Record<N, number>>> {
  const all = Object.entries<Part<number>>(parts)
  return {
    decode: (reply) =>
      Object.fromEntries(all.map(([name, part]) => [name, part.decode(reply)])) as Record<N, number>,
    encode: (values) => {
      const spelt: string[] = []
      for (const [name, part] of all) part.place(spelt, values[name as N])
      return spelt.join(',')
    },
  }
}
