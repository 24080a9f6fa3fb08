import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { FIELD_LOG, type FieldLine, inUnits, readFieldLog } from '../../core/recording/field-lines.ts'
import type { IndexedField } from './archive-index-file.ts'

/** A field for the time in which it has one unit. */
export interface FieldView extends IndexedField {
  /** The name shown for it: its own name, followed by the units if they are not its latest. */
  readonly shown: string
  /** Its declaration, if the recorder has written it down. */
  readonly about: Omit<FieldLine, 'source' | 'since'> | undefined
  /**
   * When it had these units: spans in unix s, including the first time and excluding the second; undefined:
   * always.
   */
  readonly spans: readonly (readonly [from: number, to: number])[] | undefined
}

/** A field, and when it had the wanted unit; always if it has had only one. */
export type OfUnit = IndexedField & Partial<Pick<FieldView, 'spans'>>

/** The field declarations that the recorder of a data directory has written, read again when they change. */
export class FieldNotes {
  readonly #path: string
  #stamp = ''
  #lines = new Map<string, FieldLine[]>()

  constructor(dir: string) {
    this.#path = join(dir, FIELD_LOG)
  }

  /** Reads new notes; a directory may have none. */
  refresh(): void {
    try {
      const { mtimeMs, size, ino } = statSync(this.#path)
      const stamp = `${mtimeMs} ${size} ${ino}`
      if (stamp !== this.#stamp) this.#lines = readFieldLog(readFileSync(this.#path, 'utf8'))
      this.#stamp = stamp
    } catch {
      this.#stamp = ''
      this.#lines = new Map()
    }
  }

  /** A field split by the units that it had between two times. */
  views(field: IndexedField, start: number, end: number): FieldView[] {
    const lines = this.#lines.get(`${field.address}.${field.name}`) ?? []
    const units = lines.flatMap((line) => line.units || [])
    const last = units.at(-1)
    if (new Set(units).size < 2)
      return [{ ...field, shown: field.name, about: lines.at(-1), spans: undefined }]
    const spans = Map.groupBy(spansOf(lines), (span) => span.units)
    return [...spans].flatMap(([unit, list]) => {
      const own = list.filter(({ from, to }) => from <= end && to > start)
      if (own.length === 0) return []
      const shown = unit === last ? field.name : inUnits(field.name, unit)
      const about = lines.findLast((line) => line.units === unit)
      return [{ ...field, shown, about, spans: own.map(({ from, to }) => [from, to] as const) }]
    })
  }
}

/**
 * When a field had which units. While none are declared, the previous units hold; at the beginning, the first
 * ones declared.
 */
function spansOf(lines: readonly FieldLine[]): { units: string; from: number; to: number }[] {
  const spans: { units: string; from: number; to: number }[] = []
  for (const { units, since } of lines) {
    const last = spans.at(-1)
    if (!units || last?.units === units) continue
    if (last) last.to = since
    spans.push({ units, from: last ? since : -Infinity, to: Infinity })
  }
  return spans
}
