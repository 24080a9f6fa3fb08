import { rm, writeFile } from 'node:fs/promises'
import type { FieldLine } from '../../core/recording/field-lines.ts'

/**
 * What is known of fields, by column name: units, description, resolution; without the fields of which
 * nothing is known.
 */
export function fieldsText(
  fields: readonly {
    readonly label: string
    readonly about: Omit<FieldLine, 'source' | 'since'> | undefined
  }[],
): string | undefined {
  const known = fields.flatMap(({ label, about: { units, description, resolution, rhythm, bits } = {} }) => {
    const about = { units: units || undefined, description, resolution, rhythm, bits }
    return Object.values(about).some((one) => one !== undefined) ? [[label, about] as const] : []
  })
  return known.length === 0 ? undefined : JSON.stringify(Object.fromEntries(known), null, 1)
}

/** Writes it beside a file whose format has no place for it: `FILE.fields.json`. */
export async function writeFieldsFile(path: string, fields: Parameters<typeof fieldsText>[0]): Promise<void> {
  const text = fieldsText(fields)
  const beside = `${path}.fields.json`
  if (text !== undefined) await writeFile(beside, `${text}\n`)
  // A file left by an earlier export would describe other columns.
  else await rm(beside, { force: true })
}
