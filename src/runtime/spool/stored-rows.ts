import type { Replayed } from '../../core/channels.ts'
import { withText } from '../../core/wire.ts'

/**
 * A row as the spool has it: converted to JSON once, when appended, for the disk, the hub and later requests.
 */
export interface StoredRow {
  readonly seq: number
  /** The row as it is sent, `core/channels.ts`. */
  readonly text: string
}
/** A spool's answer for an epoch; see `Replayed`. */
export type SpoolAnswer = Omit<Replayed, 'rows' | 'left_out'> & { readonly rows: readonly StoredRow[] }

/** @param body JSON of all other members of the row, as stored */
export function storedRow(epoch: string, seq: number, body: string): StoredRow {
  return { seq, text: `{"epoch":${JSON.stringify(epoch)},"seq":${seq},${body.slice(1)}` }
}

/** An answer as it is sent. */
export function answerText({ rows, ...answer }: SpoolAnswer): string {
  return withText(answer, 'rows', `[${rows.map(({ text }) => text).join()}]`)
}
