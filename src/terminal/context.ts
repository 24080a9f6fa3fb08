import type { Readable } from 'node:stream'

/** What a command gets from the process it runs in; tests hand in their own. */
export interface Context {
  /** Aborted by INT, TERM and HUP: stop cleanly. */
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  /** Data: standard output. What would play with a terminal (escapes, bidi) leaves as JSON escapes it. */
  out(text: string): void
  /** Whether nobody sees what an agent reads: it need not be put into words. */
  readonly unseen?: boolean
  /** The same for what goes into a file as it is; made printable only where a terminal shows it. By default `out`. */
  data?(text: string): void
  /** Control sequences around text that is printable already, to a terminal; by default `out` or `err`. */
  draw?(text: string, where: 'out' | 'err'): void
  /** Resolves once its reader has taken it, so that much output does not pile up; absent where it cannot. */
  taken?(): Promise<void>
  /** Logs and progress: standard error, printable as `out`. */
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

/** What takes a line off a terminal, to write it anew. */
export const ERASE = '\r\x1b[K'

/** Draws on the terminal: control sequences are its own, `text` in them has to be printable. */
export function draw(
  context: Pick<Context, 'draw' | 'out' | 'err'>,
  text: string,
  where: 'out' | 'err' = 'err',
): void {
  if (context.draw) context.draw(text, where)
  else context[where](text)
}
