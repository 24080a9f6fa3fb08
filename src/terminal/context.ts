import type { Readable } from 'node:stream'

/** A command's view of its process; tests pass their own. */
export interface Context {
  /** Aborted by INT, TERM and HUP: stop cleanly. */
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  /**
   * Writes data to standard output. Characters that would affect a terminal (escapes, bidi) are written as
   * JSON escapes.
   */
  out(text: string): void
  /** Whether nobody sees an agent's readings, so that they need not be formatted. */
  readonly unseen?: boolean
  /**
   * The same for data that goes unchanged into a file; made printable only on a terminal. By default `out`.
   */
  data?(text: string): void
  /**
   * Writes control sequences, with text that is already printable, to a terminal; by default `out` or `err`.
   */
  draw?(text: string, where: 'out' | 'err'): void
  /**
   * Resolves once the reader has taken the output, so that much output does not pile up; absent if that
   * cannot be known.
   */
  taken?(): Promise<void>
  /** Writes logs and progress to standard error, made printable like `out`. */
  err(text: string): void
  /** Whether standard error is a terminal that may be redrawn. */
  readonly terminal: boolean
  /** Standard input, for commands that ask questions or read commands; absent if there is nobody to ask. */
  readonly input?: Readable & { readonly isTTY?: boolean }
  /** Aborted when nobody reads standard output any more (`| head`). */
  readonly unread?: AbortSignal
  /** Until disposed, INT (Ctrl-C) calls the latest listener instead of stopping the command. */
  onInterrupt?(listener: () => void): Disposable
  /** The terminal's present size in characters. */
  size(): { readonly columns: number; readonly rows: number }
}

/** Erases a line of a terminal, to write it again. */
export const ERASE = '\r\x1b[K'

/** Draws on the terminal: control sequences take effect, so `text` in them must be printable. */
export function draw(
  context: Pick<Context, 'draw' | 'out' | 'err'>,
  text: string,
  where: 'out' | 'err' = 'err',
): void {
  if (context.draw) context.draw(text, where)
  else context[where](text)
}
