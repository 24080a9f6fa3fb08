import { fileWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer'
import type { FieldType } from '../../core/wire.ts'
import type { Column } from './archive-columns.ts'
import { rowsOf } from './archive-rows.ts'
import { fieldsText } from './fields-file.ts'

/** A destination for samples, written part by part in time order. */
export interface ExportFile {
  /** Writes the samples of columns, one per field, with times before `before` (unix s). */
  write(columns: readonly Column[], before: number): Promise<void>
  /** Ends the file, which is unreadable until then. */
  end(): Promise<void>
}

const TYPES = { double: 'DOUBLE', int: 'INT64', bool: 'BOOLEAN', string: 'STRING' } as const satisfies Record<
  FieldType,
  string
>

/**
 * Begins a Parquet file: a column `time` (unix s) and one per field, a row per time, null where a field has
 * no sample. Its metadata describes the fields: JSON by their names, under `ocs.fields`.
 */
export function parquetFile(
  path: string,
  fields: readonly ({ readonly type: FieldType } & Parameters<typeof fieldsText>[0][number])[],
): ExportFile {
  const heads = [
    { name: 'time', type: 'DOUBLE' as const, nullable: false },
    ...fields.map(({ label, type }) => ({ name: label, type: TYPES[type], nullable: true })),
  ]
  const schema = schemaFromColumnData({ columnData: heads.map((head) => ({ ...head, data: [] })) })
  const about = fieldsText(fields)
  const kvMetadata = about === undefined ? [] : [{ key: 'ocs.fields', value: about }]
  const parquet = new ParquetWriter({ writer: fileWriter(path), schema, kvMetadata, createdBy: 'ocs' })
  return {
    async write(columns, before) {
      const data: unknown[][] = heads.map(() => [])
      for (const [t, cells] of rowsOf(columns, before)) {
        data[0]?.push(t)
        for (const [i, cell] of cells.entries()) {
          const value = fields[i]?.type === 'int' && typeof cell === 'number' ? BigInt(cell) : cell
          data[i + 1]?.push(value ?? null)
        }
      }
      if (data[0]?.length === 0) return
      // The dictionary encoding treats −0 as 0.
      const columnData = heads.map((head, i) => ({
        ...head,
        data: data[i] ?? [],
        ...(head.type === 'DOUBLE' && { encoding: 'PLAIN' as const }),
      }))
      await parquet.write({ columnData, rowGroupSize: data[0]?.length ?? 1 })
    },
    async end() {
      await parquet.finish()
    },
  }
}
