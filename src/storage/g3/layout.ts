/** Where times and values lie in an archive: what can be known of blocks without decoding them. */

/** Where the values of a field lie. */
export interface ColumnLayout {
  readonly name: string
  readonly kind: VectorClass
  /** Byte at which the values begin; of texts their number comes there first. */
  readonly at: number
  readonly count: number
  /** Bits of each; 0 of texts. */
  readonly bits: number
}
export type VectorClass = 'G3VectorDouble' | 'G3VectorInt' | 'G3VectorBool' | 'G3VectorString'

/** Where a block lies: what can be known of it without decoding any value. */
export interface BlockLayout {
  /** The columns of values, in their order; of other classes none. */
  readonly columns: readonly ColumnLayout[]
  /** Byte at which its times begin, and how many there are. */
  readonly at: number
  readonly count: number
  /** Whether times are ticks, int64; else they are doubles, unix s. */
  readonly ticks: boolean
}

/** Bits of a value of each class of columns; those of integers are given with them, texts have none. */
export const widths: { readonly [kind: string]: number | undefined } = {
  __proto__: null as never,
  G3VectorDouble: 64,
  G3VectorInt: 32,
  G3VectorBool: 8,
  G3VectorString: 0,
}
