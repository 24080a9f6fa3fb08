/** The positions of times and values in an archive, found without decoding them. */

/** Where the values of a field are stored. */
export interface ColumnLayout {
  readonly name: string
  readonly kind: VectorClass
  /** Byte at which the values begin; for texts their number comes there first. */
  readonly at: number
  readonly count: number
  /** Bits per value; 0 for texts. */
  readonly bits: number
}
export type VectorClass = 'G3VectorDouble' | 'G3VectorInt' | 'G3VectorBool' | 'G3VectorString'

/** Where a block is stored: what can be known of it without decoding any value. */
export interface BlockLayout {
  /** The value columns in order; without those of other classes. */
  readonly columns: readonly ColumnLayout[]
  /** Byte at which its times begin, and the number of times. */
  readonly at: number
  readonly count: number
  /** Whether times are ticks, int64; otherwise they are doubles, unix s. */
  readonly ticks: boolean
}

/** Bits per value for each class of columns; integer columns store their own width, texts have none. */
export const widths: { readonly [kind: string]: number | undefined } = {
  __proto__: null as never,
  G3VectorDouble: 64,
  G3VectorInt: 32,
  G3VectorBool: 8,
  G3VectorString: 0,
}
