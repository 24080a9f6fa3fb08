/** One thing that was looked at, and what was found. */
export interface Finding {
  /** What was looked at: `site file`, `hub`, `ports`, `clock`, `instances`, `instrument`, a kind of folder. */
  readonly check: string
  /** A `note` is worth knowing and no problem. */
  readonly level: 'ok' | 'note' | 'problem'
  readonly text: string
}
