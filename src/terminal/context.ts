import type { Readable } from 'node:stream'

/** What a command gets from the process it runs in; tests hand in their own. */
export interface Context {
  /** Aborted by INT, TERM and HUP: stop cleanly. */
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  /** Data: standard output. */
  out(text: string): void
  /** Resolves once its reader has taken it, so that much output does not pile up; absent where it cannot. */
  taken?(): Promise<void>
  /** Logs and progress: standard error. */
  err(text: string): void
  /** Whether standard error is a terminal that may be redrawn. */
  readonly terminal: boolean
  /** Standard input, for what asks questions or reads commands; absent where there is nobody to ask. */
  readonly input?: Readable & { readonly isTTY?: boolean }
  /** Aborted when nobody reads standard output any more (`| head`). */
  readonly unread?: AbortSignal
  /** Until disposed, INT (Ctrl-C) calls the latest listener and does not stop the command. */
  onInterrupt?(listener: () => void): Disposable
  /** Its size in characters, as it is now. */
  size(): { readonly columns: number; readonly rows: number }
}
