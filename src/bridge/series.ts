import type { DataAnswer } from '../core/data-node.ts'

/** Grafana's ids of the units that instruments here have. */
const UNITS: Readonly<Record<string, string>> = {
  K: 'kelvin',
  C: 'celsius',
  '°C': 'celsius',
  V: 'volt',
  A: 'amp',
  W: 'watt',
  Ω: 'ohm',
  Ohm: 'ohm',
  Hz: 'hertz',
  s: 's',
  '%': 'percent',
  B: 'bytes',
  mBar: 'pressurembar',
  mbar: 'pressurembar',
  hPa: 'pressurehpa',
  'm/s': 'velocityms',
  'km/h': 'velocitykmh',
  deg: 'degree',
  mm: 'lengthmm',
}

/** A curve as SimpleJson takes it: pairs of value and time in ms. */
export interface Series {
  readonly target: string
  readonly refId?: string
  readonly unit?: string
  readonly datapoints: readonly (readonly [number | null, number])[]
}
/** A table as SimpleJson takes it: times in ms. */
export interface Table {
  readonly type: 'table'
  readonly refId?: string
  readonly columns: readonly {
    readonly text: string
    readonly type: 'time' | 'string' | 'number' | 'boolean'
  }[]
  readonly rows: readonly (readonly [number, Cell])[]
}
type Cell = string | number | boolean | null

const COLUMN = { number: 'number', string: 'string', bool: 'boolean' } as const

/** Whether a data node had the field. */
export function has(answer: DataAnswer | undefined, field: string): boolean {
  return answer !== undefined && Object.hasOwn(answer.fields, field)
}

/**
 * One metric as Grafana draws it. A text becomes a table whatever was asked for, since Grafana drops texts from
 * curves without a word; a boolean in a curve is 0 or 1. A metric without data is an empty curve.
 */
export function draw(
  text: string,
  field: string,
  answer: DataAnswer | undefined,
  { refId, table }: { refId: string | undefined; table: boolean },
): Series | Table {
  const about = has(answer, field) ? answer?.fields[field] : undefined
  const times = (about && answer?.timeline[about.timeline]?.t) ?? []
  const data = (about && answer?.data[field]) ?? []
  const ref = refId === undefined ? {} : { refId }
  if (table || about?.type === 'string') {
    const rows = times.map((t, i) => [milliseconds(t), cell(data[i])] as const)
    const columns = [
      { text: 'Time', type: 'time' as const },
      { text, type: COLUMN[about?.type ?? 'number'] },
    ]
    return { type: 'table', ...ref, columns, rows }
  }
  const datapoints = times.map((t, i) => [numeric(data[i]), milliseconds(t)] as const)
  const units = about?.units
  return { target: text, ...ref, ...(units && { unit: UNITS[units] ?? `suffix: ${units}` }), datapoints }
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000)
}

function numeric(value: unknown): number | null {
  if (typeof value === 'boolean') return value ? 1 : 0
  return typeof value === 'number' ? value : null
}

function cell(value: unknown): Cell {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null
}
