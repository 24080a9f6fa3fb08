/**
 * The frame objects of spt3g (core classes) and so3g (IrregBlockDouble) that housekeeping uses, as plain
 * tagged values. An object that occurs twice in one entry is one object, in the file and here: identity is
 * kept both ways.
 */
import type { IntArray, Integers } from './integers.ts'
import type { Times } from './time.ts'

interface Tagged<Kind extends string, Value> {
  readonly kind: Kind
  readonly value: Value
}
type Entries<Value> = ReadonlyMap<string, Value>

/** Samples taken together: `value[key]` holds one value per time. A block of housekeeping schema 1 and 2. */
interface Block<T, O> extends Tagged<'G3TimesampleMap', Entries<O | null>> {
  readonly times: T
}

interface ObjectVector<O> {
  readonly kind: 'G3VectorFrameObject'
  readonly value: readonly (O | null)[]
}

interface ObjectMap<O> {
  readonly kind: 'G3MapFrameObject'
  readonly value: Entries<O | null>
}

type Fixed =
  | Tagged<'G3Bool', boolean>
  | Tagged<'G3Double', number>
  | Tagged<'G3String', string>
  | Tagged<'G3VectorString', readonly string[]>
  | Tagged<'G3MapString', Entries<string>>
  | Tagged<'G3MapDouble', Entries<number>>
  | Opaque

/** A block of housekeeping schema 0, read only; times in Unix seconds. */
interface IrregBlockDouble extends Tagged<'IrregBlockDouble', Entries<Float64Array>> {
  readonly prefix: string
  readonly times: Float64Array
}

/** An object of an unknown class that fills an entry: its bytes, which can be written again. */
interface Opaque extends Tagged<'Opaque', Uint8Array> {
  readonly className: string
}

/** An object as read. Times are ticks of 10 ns (time.ts); integers are exact. */
export type G3Object =
  | Fixed
  | ObjectVector<G3Object>
  | ObjectMap<G3Object>
  | Block<BigInt64Array, G3Object>
  | IrregBlockDouble
  | Tagged<'G3Int', bigint>
  | Tagged<'G3Time', bigint>
  | Tagged<'G3VectorTime', BigInt64Array>
  | Tagged<'G3VectorDouble', Float64Array>
  | Tagged<'G3VectorInt', IntArray>
  | Tagged<'G3VectorBool', Uint8Array>
  | Tagged<'G3MapInt', Entries<bigint>>
  | Tagged<'G3MapVectorDouble', Entries<Float64Array>>
  | Tagged<'G3MapVectorInt', Entries<IntArray>>

/**
 * An object to write: any object as read, or more convenient values. A time is ticks as bigint, Unix seconds
 * as number.
 */
export type G3Source =
  | Fixed
  | ObjectVector<G3Source>
  | ObjectMap<G3Source>
  | Block<Times, G3Source>
  | IrregBlockDouble
  | Tagged<'G3Int', bigint | number>
  | Tagged<'G3Time', bigint | number>
  | Tagged<'G3VectorTime', Times>
  | Tagged<'G3VectorDouble', ArrayLike<number>>
  | Tagged<'G3VectorInt', Integers>
  | Tagged<'G3VectorBool', ArrayLike<boolean | number>>
  | Tagged<'G3MapInt', Entries<bigint | number>>
  | Tagged<'G3MapVectorDouble', Entries<ArrayLike<number>>>
  | Tagged<'G3MapVectorInt', Entries<Integers>>

/** The type of one kind of object as read: `G3Of<'G3VectorDouble'>`. */
export type G3Of<Kind extends G3Object['kind']> = Extract<G3Object, { kind: Kind }>

/** Class version written, and the newest that can be read. */
export const classVersions = {
  G3FrameObject: 1,
  G3Bool: 1,
  G3Int: 1,
  G3Double: 1,
  G3String: 1,
  G3Time: 1,
  G3VectorDouble: 1,
  G3VectorInt: 2,
  G3VectorBool: 1,
  G3VectorString: 1,
  G3VectorTime: 1,
  G3VectorFrameObject: 1,
  G3MapFrameObject: 1,
  G3TimesampleMap: 0,
  G3MapString: 1,
  G3MapDouble: 1,
  G3MapInt: 2,
  G3MapVectorDouble: 1,
  G3MapVectorInt: 2,
  IrregBlockDouble: 0,
} as const satisfies Record<Exclude<G3Object['kind'], 'Opaque'> | 'G3FrameObject', number>

/** The known classes, and their base class. */
export type ClassName = keyof typeof classVersions

/** Maximum nesting depth of objects, so that neither damage nor a cycle causes a stack overflow. */
export const maxDepth = 64

/** Marks the id of a class or object on its first appearance in an archive, where its name or content follows. */
export const firstAppearance = 0x80000000
