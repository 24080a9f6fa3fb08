import { inSeconds } from '../../core/arguments/time-units.ts'
import { didYouMean } from '../../core/names.ts'
import type { Span } from '../../lab/fetch-curves.ts'
import { badRequest } from '../http.ts'
import { AGGREGATE_NAMES } from './aggregate.ts'
import type { Line, Value } from './line.ts'
import type { Expression } from './parse.ts'

/** The types of an argument, with the names of Graphite's `/functions`. */
type Kind =
  | 'seriesList'
  | 'string'
  | 'integer'
  | 'float'
  | 'boolean'
  | 'interval'
  | 'intOrInterval'
  | 'node'
  | 'tag'
  | 'aggFunc'

/** An argument of a function. */
export interface Param {
  readonly name: string
  readonly type: Kind
  readonly required?: boolean
  readonly multiple?: boolean
  readonly default?: Value
  readonly suggestions?: readonly Value[]
}

/**
 * The arguments of a call: the curves of each argument that has some, and the values of the others, in order.
 */
export interface Given {
  readonly series: readonly (readonly Line[])[]
  readonly values: readonly Value[]
  /** The requested time; not the one that `reach` computes. */
  readonly span: Span
}

/** A function of a Graphite target. */
export interface GraphiteFunction {
  readonly group: 'Alias' | 'Calculate' | 'Combine' | 'Filter Series' | 'Sorting' | 'Special' | 'Transform'
  readonly description: string
  readonly params: readonly Param[]
  /**
   * Whether it depends on steps from one value to the next, so that lowest and highest values alone are not
   * enough.
   */
  readonly evenly?: boolean
  /**
   * The time for which it needs its curves, if it is not the time shown; `rhythm`: seconds between samples, 0
   * if unknown.
   */
  readonly reach?: (span: Span, values: readonly Value[], rhythm: () => number) => Span
  readonly act: (given: Given) => readonly Line[]
}

export const SERIES: Param = { name: 'seriesList', type: 'seriesList', required: true }
export const MANY_SERIES: Param = { name: 'seriesLists', type: 'seriesList', required: true, multiple: true }

const WANTS: Readonly<Record<Kind, string>> = {
  seriesList: 'a metric, or a function of metrics',
  string: 'a text in quotes',
  integer: 'a whole number',
  float: 'a number',
  boolean: 'true or false',
  interval: 'a time span in quotes, "5min"',
  intOrInterval: 'a number of points, or a time span in quotes, "5min"',
  node: 'a node of the name: 0, 1, -1, …',
  tag: 'the name of a tag in quotes',
  aggFunc: `one of ${AGGREGATE_NAMES.join(', ')}, in quotes`,
}

/** Whether a value is of a type. */
const FITS: Readonly<Record<Exclude<Kind, 'seriesList'>, (value: Value) => boolean>> = {
  string: (value) => typeof value === 'string',
  integer: Number.isInteger,
  float: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  interval: (value) => secondsOf(value) !== undefined,
  intOrInterval: (value) => (typeof value === 'number' ? isCount(value) : secondsOf(value) !== undefined),
  node: Number.isInteger,
  tag: (value) => typeof value === 'string',
  aggFunc: (value) => typeof value === 'string' && AGGREGATE_NAMES.includes(value),
}
const isCount = (value: number) => Number.isInteger(value) && value > 0

/** The seconds of a duration as Graphite writes it: `5min`, `-1d`, `1h30min`; undefined for anything else. */
export function secondsOf(value: Value | undefined): number | undefined {
  if (typeof value !== 'string') return undefined
  const [, sign = '', rest = ''] = /^([+-]?)((?:\d{1,9}[a-z]+)+)$/i.exec(value.trim()) ?? []
  const parts = [...rest.matchAll(/(\d+)([a-z]+)/gi)].map(([, count = '', unit = '']) =>
    inSeconds(count, unit),
  )
  if (parts.length === 0 || parts.includes(undefined)) return undefined
  return (sign === '-' ? -1 : 1) * parts.reduce<number>((all, part) => all + (part ?? 0), 0)
}

/**
 * Checks the arguments of a call against the parameters of its function.
 * @throws HTTPException 400 with the expected arguments
 */
export function checkArguments(
  name: string,
  { params }: GraphiteFunction,
  args: readonly Expression[],
): void {
  const last = params.at(-1)
  for (const [at, arg] of args.entries()) {
    const param = params[at] ?? (last?.multiple ? last : undefined)
    if (!param) throw badRequest(`${name}: ${args.length} arguments are too many: ${usage(name, params)}`)
    const isSeries = arg.kind !== 'value'
    const fits = param.type === 'seriesList' ? isSeries : !isSeries && FITS[param.type](arg.value)
    if (!fits)
      throw badRequest(
        `${name}: ${param.name} is ${WANTS[param.type]}, not ${shown(arg)}: ${usage(name, params)}`,
      )
  }
  const missing = params.slice(args.length).find(({ required }) => required)
  if (missing)
    throw badRequest(`${name}: ${missing.name} is missing (${WANTS[missing.type]}): ${usage(name, params)}`)
}

function shown(arg: Expression): string {
  if (arg.kind === 'call') return `${arg.name.slice(0, 50)}(…)`
  const text = arg.kind === 'path' ? arg.text : String(arg.value)
  return `"${text.slice(0, 50)}"`
}

function usage(name: string, params: readonly Param[]): string {
  const words = params.map((param) => {
    const text = `${param.name}${param.multiple ? ', …' : ''}`
    return param.required ? text : `[${text}]`
  })
  return `${name}(${words.join(', ')})`
}

/** @throws HTTPException 400 for an unknown function, with the nearest name */
export function functionOf(name: string, known: ReadonlyMap<string, GraphiteFunction>): GraphiteFunction {
  const found = known.get(name)
  if (found) return found
  const [near] = didYouMean(name, [...known.keys()])
  const hint = near === undefined ? '' : ` did you mean ${near}?`
  throw badRequest(
    `the function "${name.slice(0, 100)}" is not known here;${hint} known are: ${[...known.keys()].join(', ')}`,
  )
}

/** The answer to Graphite's `/functions`: everything that an editor needs to offer them. */
export function functionIndex(known: ReadonlyMap<string, GraphiteFunction>): Record<string, unknown> {
  return Object.fromEntries(
    [...known].map(([name, { group, description, params }]) => {
      const args = params.map((param) => ({
        ...param,
        ...(param.type === 'aggFunc' && { options: AGGREGATE_NAMES }),
      }))
      return [name, { name, function: usage(name, params), description, module: 'ocs', group, params: args }]
    }),
  )
}
