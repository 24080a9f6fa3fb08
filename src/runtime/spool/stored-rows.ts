import type { Replayed } from '../../core/channels.ts'
import { withText } from '../../core/wire.ts'

/** A row as the spool has it: JSON since it was appended, for the disk, the hub and whoever asks for it again. */
export interface StoredRow {
  readonly seq: number
  /** The row as it travels, `core/channels.ts`. */
  readonly text: string
}
/** What a spool answers of an epoch; see `Replayed`. */
export type SpoolAnswer = Omit<Replayed, 'rows' | 'left_out'> & { readonly rows: readonly StoredRow[] }

/** @param body JSON of all else that is in the row, as it is stored */
export function storedRow(epoch: string, seq: number, body: string): StoredRow {
  return { seq, text: `{"epoch":${JSON.stringify(epoch)},"seq":${seq},${body.slice(1)}` }
}

/** An answer as it travels. */
export function answerText({ rows, ...answer }: SpoolAnswer): string {
  return withText(answer, 'rows', `[${rows.map(({ text }) => text).join()}]`)
}
