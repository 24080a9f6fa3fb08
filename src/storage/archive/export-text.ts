import { csvCell } from '../../core/csv.ts'
import { toWire } from '../../core/wire.ts'
import type { ArchiveField } from './archive.ts'
import type { Column } from './archive-columns.ts'
import { rowsOf } from './archive-rows.ts'
import type { ExportFile } from './export-parquet.ts'

/** Samples as text: CSV (RFC 4180) with a header line, or JSON, one line per time. */
export function textFile(
  format: 'csv' | 'jsonl',
  fields: readonly ArchiveField[],
  to: { put(text: string): Promise<void>; end(): Promise<void> },
): ExportFile {
  const write = format === 'csv' ? csvLines : jsonLines
  let head = format === 'csv' ? `time,${fields.map((field) => csvCell(headOf(field))).join()}\n` : ''
  const put = async (text: string) => {
    const all = head + text
    head = ''
    if (all !== '') await to.put(all)
  }
  return {
    write: (columns, before) => put(write(fields, columns, before)),
    async end() {
      await put('')
      await to.end()
    },
  }
}

/** A field with its units, if known: `ls240.temperatures.Channel_1_T (K)`. */
function headOf({ label, about }: ArchiveField): string {
  return about?.units ? `${label} (${about.units})` : label
}

function csvLines(_: readonly ArchiveField[], columns: readonly Column[], before: number): string {
  const lines: string[] = []
  for (const [t, cells] of rowsOf(columns, before)) {
    const texts = cells.map((cell) =>
      cell === undefined ? '' : typeof cell === 'string' ? csvCell(cell) : cell,
    )
    lines.push(`${t},${texts.join()}\n`)
  }
  return lines.join('')
}

function jsonLines(fields: readonly ArchiveField[], columns: readonly Column[], before: number): string {
  const lines: string[] = []
  for (const [time, cells] of rowsOf(columns, before)) {
    const there = cells.flatMap((cell, i) => (cell === undefined ? [] : [[fields[i]?.label, toWire(cell)]]))
    lines.push(`${JSON.stringify({ time, ...Object.fromEntries(there) })}\n`)
  }
  return lines.join('')
}
