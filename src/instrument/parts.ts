/** How single values stand in a reply: found there by an agent, put there by a simulated instrument. */
import { TransportError } from '../core/errors.ts'
import type { Value } from '../core/wire.ts'
import { type Cell, integer } from './codec.ts'

/** One value of a reply. */
export interface Part<T extends Value = Value> {
  /** @throws TransportError if it is not there, or no such value */
  decode(reply: string): T
  /** Puts the value into a reply that is taken apart at its commas. */
  place(parts: string[], value: T): void
}

/** The whole reply is the value. */
export function whole<T extends Value>(cell: Cell<T>): Part<T> {
  return {
    decode: cell.decode,
    place: (parts, value) => {
      parts[0] = cell.encode(value)
    },
  }
}

/**
 * The value at a place of a reply with commas between, counted from 0.
 * @param of how many values there have to be, where that is known: a decimal comma would move the others
 */
export function nth<T extends Value>(place: number, cell: Cell<T>, of?: number): Part<T> {
  return {
    decode: (reply) => {
      const parts = reply.split(',')
      const part = parts[place]
      if (of !== undefined && parts.length !== of)
        throw new TransportError(`expected ${of} values, got ${parts.length} in ${JSON.stringify(reply)}`)
      if (part === undefined)
        throw new TransportError(`there is no place ${place}, counted from 0, in ${JSON.stringify(reply)}`)
      return cell.decode(part)
    },
    place: (parts, value) => {
      parts[place] = cell.encode(value)
    },
  }
}

/** A Modbus register, 0 to 65535, at a place of a reply of registers. */
export const uint16 = (place: number): Part<number> => nth(place, integer)

/** An IEEE 754 number in two registers, the low word first, as Cryomech and many others have it. */
export function float32(place: number): Part<number> {
  const [low, high] = [uint16(place), uint16(place + 1)]
  const bytes = new DataView(new ArrayBuffer(4))
  return {
    decode: (reply) => {
      bytes.setUint16(0, high.decode(reply))
      bytes.setUint16(2, low.decode(reply))
      return bytes.getFloat32(0)
    },
    place: (parts, value) => {
      bytes.setFloat32(0, value)
      high.place(parts, bytes.getUint16(0))
      low.place(parts, bytes.getUint16(2))
    },
  }
}

/** A whole number that is kept as `float32` all the same. */
export function int32(place: number): Part<number> {
  const { decode, place: put } = float32(place)
  return { decode: (reply) => Math.trunc(decode(reply)), place: put }
}
