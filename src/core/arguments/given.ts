/** A flag with its values. */
export interface Given {
  /** As written, with dashes, `--serial-number`; empty for values before the first flag. */
  readonly flag: string
  readonly values: readonly string[]
  /** `FILE:LINE:COLUMN` of the flag in the site file; absent on the command line. */
  readonly position?: string
}
