import { unitId } from '../grafana/units.ts'
import { type Curve, cell, drawable, milliseconds } from '../lab/fetch-curves.ts'
import type { Mark, States } from './annotations.ts'

/** A curve in SimpleJson's format: pairs of value and time in ms. */
export interface Series {
  readonly target: string
  readonly refId?: string
  readonly unit?: string
  readonly datapoints: readonly (readonly [number | null, number])[]
}
/** A table in SimpleJson's format: times in ms. */
export interface Table {
  readonly type: 'table'
  readonly refId?: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly Cell[])[]
}
interface Column {
  readonly text: string
  readonly type: 'time' | 'string' | 'number' | 'boolean'
}
type Cell = string | number | boolean | null

const COLUMN = { number: 'number', string: 'string', bool: 'boolean' } as const

/**
 * One metric as Grafana draws it. A text always becomes a table, since Grafana silently drops texts from
 * curves; a boolean in a curve is 0 or 1. A metric without data is an empty curve.
 * @param to the end of the time shown, unix ms
 */
export function draw(
  text: string,
  curve: Curve | undefined,
  { refId, table, to }: { refId: string | undefined; table: boolean; to: number },
): Series | Table {
  const { about, t = [], values = [] } = curve ?? {}
  const ref = refId === undefined ? {} : { refId }
  if (table || about?.type === 'string') {
    const rows = t.map((time, i) => [milliseconds(time), cell(values[i])] as const)
    const columns = [
      { text: 'Time', type: 'time' as const },
      { text, type: COLUMN[about?.type ?? 'number'] },
    ]
    return { type: 'table', ...ref, columns, rows }
  }
  const drawn = curve ? drawable(curve, to) : []
  const datapoints = drawn.map(([value, time]) => [value, milliseconds(time)] as const)
  const units = about?.units
  return { target: text, ...ref, ...(units && { unit: unitId(units) }), datapoints }
}

/** Annotations as a table: simPod's plugin takes its annotations from the answer to a query. */
export function markTable(marks: readonly Mark[], refId: string | undefined): Table {
  const columns: Column[] = [
    { text: 'time', type: 'time' },
    { text: 'timeEnd', type: 'time' },
    ...['title', 'text', 'tags', 'id'].map((text) => ({ text, type: 'string' as const })),
  ]
  const rows = marks.map(({ id, time, end = time, title, text, tags }) => {
    return [milliseconds(time), milliseconds(end), title, text, tags.join(','), id]
  })
  return { type: 'table', ...(refId !== undefined && { refId }), columns, rows }
}

/** States of operations as a table for a state timeline. */
export function stateTable({ ops, rows }: States, refId: string | undefined): Table {
  const columns: Column[] = [
    { text: 'Time', type: 'time' },
    ...ops.map((text) => ({ text, type: 'string' as const })),
  ]
  return { type: 'table', ...(refId !== undefined && { refId }), columns, rows }
}
