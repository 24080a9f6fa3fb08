import { open } from 'node:fs/promises'
import { ConfigError, messageOf, UsageError } from '../../core/errors.ts'
import type { ArchiveField } from './archive.ts'
import { g3File } from './export-g3.ts'
import { type ExportFile, parquetFile } from './export-parquet.ts'
import { textFile } from './export-text.ts'
import { writeFieldsFile } from './fields-file.ts'

export const FORMATS = ['csv', 'jsonl', 'parquet', 'g3'] as const
export type Format = (typeof FORMATS)[number]

/**
 * Opens the destination of the samples, with what is known of their fields: a file, or `print` for text
 * without a file.
 * @throws UsageError for a binary format without a file name, ConfigError if the file cannot be written
 */
export async function exportFile(
  { format, out }: { readonly format: Format; readonly out?: string | undefined },
  fields: readonly ArchiveField[],
  print: (text: string) => Promise<void>,
): Promise<ExportFile> {
  try {
    if (format === 'csv' || format === 'jsonl') {
      const to = out === undefined ? undefined : await open(out, 'w')
      // The header line of CSV gives the units.
      if (out !== undefined && format === 'jsonl') await writeFieldsFile(out, fields)
      return textFile(format, fields, {
        async put(text) {
          if (to) return await to.appendFile(text)
          await print(text)
        },
        end: async () => await to?.close(),
      })
    }
    if (out === undefined) throw new UsageError(`--format ${format} needs a file to write: --out FILE`)
    if (format === 'parquet') {
      await (await open(out, 'w')).close()
      return parquetFile(out, fields)
    }
    await writeFieldsFile(out, fields)
    return await g3File(out, fields)
  } catch (cause) {
    if (cause instanceof UsageError) throw cause
    throw new ConfigError(`${out} cannot be written: ${messageOf(cause)}: name another file with --out`, {
      cause,
    })
  }
}
