import { HTTPException } from 'hono/http-exception'
import { braces, isWild } from '../../core/glob.ts'
import { askReaching, type Curve, type Curves, drawable, numeric, type Span } from '../../lab/fetch-curves.ts'
import type { Nodes } from '../../lab/nodes.ts'
import { MAX_METRICS } from '../../lab/targets.ts'
import { badRequest } from '../http.ts'
import { FUNCTIONS, type Line, type Value } from './functions.ts'
import { isPlain, whyAway, whyNothing } from './missing.ts'
import type { Leaf, Names } from './names.ts'
import type { Operations } from './operations.ts'
import { type Expression, parseTarget } from './parse.ts'

/** Patterns of one request, at most, once their braces are written out: each is held against each name. */
const MAX_PATTERNS = 1000

/** What `/render` draws, and why some targets could not be. */
export interface Rendered {
  readonly lines: readonly Omit<Line, 'path'>[]
  readonly leftOut: readonly string[]
  /** Whether no target could be meant: one of a data node that does not run can. */
  readonly isFault: boolean
}

/**
 * Draws Graphite targets. One that cannot be read or draws too much is left out and named, the others are whole: a panel
 * sends all of its targets at once.
 */
export async function render(
  parts: { readonly nodes: Nodes; readonly names: Names; readonly operations: Operations },
  targets: readonly string[],
  span: Span,
): Promise<Rendered> {
  const { nodes, names, operations } = parts
  const leftOut: string[] = []
  const gone: string[] = []
  const trying = async <T>(act: () => T | Promise<T>): Promise<T[]> => {
    try {
      return [await act()]
    } catch (error) {
      if (!(error instanceof HTTPException)) throw error
      leftOut.push(error.message)
      return []
    }
  }
  const find = async (pattern: string) => [...(await names.find(pattern)), ...operations.find(pattern)]
  const memo = new Map<string, Promise<Leaf[]>>()
  const leavesOf = (path: string): Promise<Leaf[]> => {
    const found = memo.get(path) ?? names.leaves(path)
    memo.set(path, found)
    return found
  }

  const drawable: Pick<Scope & { expression: Expression }, 'expression' | 'leaves' | 'states'>[] = []
  let [count, wild] = [0, 0]
  for (const target of targets) {
    await trying(async () => {
      const expression = parseTarget(target)
      check(expression)
      const leaves = new Map<string, Leaf[]>()
      const states = new Map<string, Line[]>()
      for (const path of pathsIn(expression)) {
        if (!memo.has(path)) wild += braces(path).filter(isWild).length
        if (wild > MAX_PATTERNS) throw badRequest(`more than ${MAX_PATTERNS} patterns in one request`)
        leaves.set(path, await leavesOf(path))
        states.set(path, operations.lines(path, span))
        if ([leaves, states].some((found) => (found.get(path) ?? []).length > 0)) continue
        const away = isPlain(path) ? whyAway(path, nodes) : undefined
        if (away !== undefined) {
          gone.push(away)
          continue
        }
        const why = await whyNothing(path, find)
        if (why !== undefined) throw badRequest(why)
      }
      const more = [...leaves.values(), ...states.values()].flat().length
      if (count + more > MAX_METRICS) {
        throw badRequest(
          `target "${target.slice(0, 100)}": with its ${more} there are more than ${MAX_METRICS} curves`,
        )
      }
      count += more
      drawable.push({ expression, leaves, states })
    })
  }
  const metrics = drawable.flatMap(({ leaves }) => [...leaves.values()].flat().map(({ metric }) => metric))
  const curves = metrics.length > 0 ? await askReaching(nodes, metrics, span) : () => undefined
  const lines: Line[] = []
  for (const { expression, leaves, states } of drawable) {
    const drawn = await trying(() => evaluate(expression, { leaves, states, curves, span }))
    lines.push(...drawn.flat())
  }
  const isFault = lines.length === 0 && gone.length === 0 && leftOut.length > 0
  return { lines: told(lines), leftOut: [...leftOut, ...gone], isFault }
}

/** Whether all functions are known and given what they need. */
function check(expression: Expression): void {
  if (expression.kind === 'value')
    throw badRequest(`"${String(expression.value).slice(0, 100)}" is no metric`)
  if (expression.kind === 'path') return
  const { name, args } = expression
  if (name === 'constantLine') {
    if (args[0]?.kind !== 'value' || typeof args[0].value !== 'number') {
      throw badRequest('constantLine: its argument is a number')
    }
    return
  }
  if (!FUNCTIONS.has(name)) {
    const known = [...FUNCTIONS.keys(), 'constantLine'].join(', ')
    throw badRequest(`the function "${name.slice(0, 100)}" is not known here; these are: ${known}`)
  }
  const [first, ...rest] = args
  if (!first) throw badRequest(`${name}: its first argument is a metric`)
  check(first)
  if (rest.some(({ kind }) => kind !== 'value')) {
    throw badRequest(`${name}: its arguments after the first are numbers, or texts in quotes`)
  }
}

function pathsIn(expression: Expression): string[] {
  if (expression.kind === 'path') return [expression.text]
  return expression.kind === 'call' ? expression.args.slice(0, 1).flatMap(pathsIn) : []
}

interface Scope {
  readonly leaves: ReadonlyMap<string, readonly Leaf[]>
  readonly states: ReadonlyMap<string, readonly Line[]>
  readonly curves: Curves
  readonly span: Span
}

function evaluate(expression: Expression, scope: Scope): readonly Line[] {
  if (expression.kind === 'path') {
    const drawn = (scope.leaves.get(expression.text) ?? []).map((leaf) =>
      line(leaf, scope.curves(leaf.metric), scope.span),
    )
    return [...drawn, ...(scope.states.get(expression.text) ?? [])]
  }
  if (expression.kind === 'value') return []
  const [first, ...rest] = expression.args
  const values = rest.flatMap((arg): Value[] => (arg.kind === 'value' ? [arg.value] : []))
  if (expression.name === 'constantLine')
    return first?.kind === 'value' ? [constant(first.value, scope.span)] : []
  return FUNCTIONS.get(expression.name)?.(first ? evaluate(first, scope) : [], values) ?? []
}

function line({ path, metric: { node, field, about } }: Leaf, curve: Curve | undefined, { to }: Span): Line {
  const tags = { name: path, node, field, ...(about.units !== null && { unit: about.units }) }
  const drawn = curve ? drawable(curve, to) : []
  const datapoints = drawn.map(([value, t]) => [value, Math.round(t * 1000) / 1000] as const)
  return { path, target: path, tags, datapoints }
}

/** What Grafana draws to see whether the data source works. */
function constant(value: Value, { from, to }: Span): Line {
  const target = `constantLine(${value})`
  const datapoints = [from, (from + to) / 2, to].map((ms) => [numeric(value), Math.round(ms / 1000)] as const)
  return { path: target, target, tags: { name: target }, datapoints }
}

/** Tells apart curves whose tags are the same: an alert over several needs each to be the only one of its kind. */
function told(lines: readonly Line[]): Omit<Line, 'path'>[] {
  const seen = new Map<string, number>()
  return lines.map(({ target, tags, datapoints }) => {
    const kind = JSON.stringify(tags)
    const nth = (seen.get(kind) ?? 0) + 1
    seen.set(kind, nth)
    return { target, tags: nth === 1 ? tags : { ...tags, copy: String(nth) }, datapoints }
  })
}
