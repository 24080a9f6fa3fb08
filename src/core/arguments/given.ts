/** A flag with its values. */
export interface Given {
  /** As written with dashes, `--serial-number`; empty for values that stand before any flag. */
  readonly flag: string
  readonly values: readonly string[]
  /** `FILE:LINE:COLUMN` of the flag in the site file; absent for the command line. */
  readonly position?: string
}
