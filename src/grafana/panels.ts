import { bitsText } from '../core/bits.ts'
import { givenNames } from '../core/given-names.ts'
import { OpCode } from '../core/ops.ts'
import type { ShownField } from '../core/shown-node.ts'
import { decimalsOf } from '../core/shown-value.ts'
import type { Dialect } from './dialects.ts'
import { unitId, unitsByName } from './units.ts'

type Json = Readonly<Record<string, unknown>>
/** Where a panel lies on Grafana's grid of 24 columns. */
export interface Place {
  readonly x: number
  readonly y: number
  readonly w: number
  readonly h: number
}
interface Drawn {
  readonly id: number
  readonly title: string
  readonly description?: string | undefined
  readonly gridPos: Place
  readonly targets: readonly Json[]
}

/** A heading, beneath which the panels that follow can be folded away. */
export function row(id: number, title: string, y: number): Json {
  return { id, type: 'row', title, collapsed: false, gridPos: { x: 0, y, w: 24, h: 1 }, panels: [] }
}

/** Curves of fields over time. */
export function timeSeries(dialect: Dialect, panel: Drawn, fields: readonly ShownField[] = []): Json {
  // The bridge says with a null where a curve is not joined, and that it has ended.
  const custom = { lineWidth: 1, fillOpacity: 0, showPoints: 'auto', spanNulls: false, insertNulls: false }
  return {
    ...framed(dialect, panel),
    type: 'timeseries',
    fieldConfig: {
      defaults: { ...unitsOf(fields), ...digitsOf(fields), custom },
      overrides: overridesOf(fields, false),
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: ['last'] },
      tooltip: { mode: 'multi', sort: 'none' },
    },
  }
}

/** What stands in a tile, in grey, where there is no value now: it is NaN, or none has come since one was due. */
const NOTHING = {
  noValue: 'no value',
  mappings: [
    {
      type: 'special',
      options: { match: 'null+nan', result: { text: 'no value', color: '#888888', index: 0 } },
    },
  ],
}

/** Words for the bits of fields that all have the same: of each alone, and of any two. */
function wordsOf(fields: readonly ShownField[]): Json[] {
  const [bits] = fields.map((field) => field.bits)
  if (!bits || fields.some((field) => !Bun.deepEquals(field.bits, bits))) return []
  const alone = Object.keys(bits).map(Number)
  const values = [-1, 0, ...alone, ...alone.flatMap((a, i) => alone.slice(i + 1).map((b) => a + b))]
  const options = values.map((value, index) => {
    return [value, { text: bitsText(value, bits), color: value === 0 ? 'green' : 'red', index: index + 1 }]
  })
  return [{ type: 'value', options: Object.fromEntries(options) }]
}

/** A tile for each field: its last value, red outside its limits. */
export function stat(dialect: Dialect, panel: Drawn, fields: readonly ShownField[] = []): Json {
  const [only] = fields.length === 1 ? fields : []
  const thresholds = limits(only?.range)
  return {
    ...framed(dialect, panel),
    type: 'stat',
    fieldConfig: {
      defaults: {
        ...unitsOf(fields),
        ...digitsOf(fields),
        thresholds,
        ...NOTHING,
        mappings: [...NOTHING.mappings, ...wordsOf(fields)],
      },
      overrides: overridesOf(fields, only === undefined),
    },
    options: {
      reduceOptions: { calcs: ['last'], fields: '', values: false },
      graphMode: 'area',
      colorMode: 'value',
      justifyMode: 'auto',
      orientation: 'auto',
      textMode: only === undefined ? 'value_and_name' : 'value',
    },
  }
}

/** States of operations, as Graphite's numbers and as the other dialects' words, with what both look like. */
const STATES: readonly (readonly [code: number, word: string, shown: string, color: string])[] = [
  [OpCode.STARTING, 'starting', 'starting', 'light-blue'],
  [OpCode.RUNNING, 'running', 'running', 'green'],
  [OpCode.STOPPING, 'stopping', 'stopping', 'light-blue'],
  [OpCode.SUCCEEDED, 'idle', 'done', '#888888'],
  [OpCode.FAILED, 'failed', 'failed', 'red'],
  [OpCode.DEGRADED, 'degraded', 'degraded', 'orange'],
]

/** What operations did over time, a line an operation. */
export function stateTimeline(dialect: Dialect, panel: Drawn): Json {
  const options = Object.fromEntries(
    STATES.flatMap(([code, word, text, color], index) => [
      [String(code), { text, color, index }],
      [word, { text, color, index }],
    ]),
  )
  return {
    ...framed(dialect, panel),
    type: 'state-timeline',
    fieldConfig: {
      defaults: { custom: { fillOpacity: 70, lineWidth: 0 }, mappings: [{ type: 'value', options }] },
      overrides: [],
    },
    options: {
      mergeValues: true,
      showValue: 'auto',
      rowHeight: 0.8,
      alignValue: 'left',
      legend: { displayMode: 'list', placement: 'bottom', showLegend: false },
      tooltip: { mode: 'single', sort: 'none' },
    },
  }
}

function framed({ source }: Dialect, { description, ...panel }: Drawn): Json {
  return { ...panel, ...(description && { description }), datasource: source }
}

/** The unit of fields that are all in one. */
function unitsOf(fields: readonly ShownField[]): Json {
  const units = new Set(fields.map((field) => field.units))
  const [only] = units
  return units.size === 1 && only ? { unit: unitId(only) } : {}
}

/** The decimals of fields that all have the same. */
function digitsOf(fields: readonly ShownField[]): Json {
  const decimals = new Set(fields.map(shownDecimals))
  const [only] = decimals
  return decimals.size === 1 && only !== undefined ? { decimals: only } : {}
}
const shownDecimals = ({ resolution }: ShownField): number | undefined =>
  resolution === undefined ? undefined : decimalsOf(resolution)

/** What single fields have of their own: the name that people gave it, a unit or decimals where not all have the same, limits where `limited`. */
function overridesOf(fields: readonly ShownField[], limited: boolean): readonly Json[] {
  if (fields.length === 0) return unitsByName() as readonly Json[]
  const mixed = new Set(fields.map(({ units }) => units)).size > 1
  const uneven = new Set(fields.map(shownDecimals)).size > 1
  const names = givenNames(fields)
  return fields.flatMap((field) => {
    const { name, units, range } = field
    const given = names.get(name) ?? name
    const decimals = shownDecimals(field)
    const properties = [
      ...(given === name ? [] : [{ id: 'displayName', value: given }]),
      ...(uneven && decimals !== undefined ? [{ id: 'decimals', value: decimals }] : []),
      ...(mixed && units ? [{ id: 'unit', value: unitId(units) }] : []),
      ...(limited && range ? [{ id: 'thresholds', value: limits(range) }] : []),
    ]
    return properties.length > 0 ? [{ matcher: { id: 'byName', options: name }, properties }] : []
  })
}

function limits([low, high]: NonNullable<ShownField['range']> = [null, null]): Json {
  const steps = [
    { color: low === null ? 'green' : 'red', value: null },
    ...(low === null ? [] : [{ color: 'green', value: low }]),
    ...(high === null ? [] : [{ color: 'red', value: high }]),
  ]
  return { mode: 'absolute', steps }
}
