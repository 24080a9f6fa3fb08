/** What a command gets from the process it runs in; tests hand in their own. */
export interface Context {
  /** Aborted by INT, TERM and HUP: stop cleanly. */
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  /** Data: standard output. */
  out(text: string): void
  /** Logs and progress: standard error. */
  err(text: string): void
  /** Whether standard error is a terminal that may be redrawn. */
  readonly terminal: boolean
  /** Its size in characters, as it is now. */
  size(): { readonly columns: number; readonly rows: number }
}
