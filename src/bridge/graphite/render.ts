import { HTTPException } from 'hono/http-exception'
import { braces, isWild } from '../../core/glob.ts'
import { askReaching, type Curve, type Curves, drawable, type Span } from '../../lab/fetch-curves.ts'
import type { Nodes } from '../../lab/nodes.ts'
import { MAX_METRICS, type Metric } from '../../lab/targets.ts'
import { badRequest } from '../http.ts'
import { average } from './aggregate.ts'
import { checkArguments, functionOf } from './declaration.ts'
import { FUNCTIONS } from './functions.ts'
import type { Line, Point, Value } from './line.ts'
import { isPlain, whyAway, whyNothing } from './missing.ts'
import type { Leaf, Names } from './names.ts'
import type { Operations } from './operations.ts'
import { type Expression, parseTarget } from './parse.ts'

/** Maximum patterns of one request after expanding their braces: each is compared with each name. */
const MAX_PATTERNS = 1000

/** A line as Graphite answers it. */
type Drawn = Omit<Line, 'path' | 'step'>

/** The curves that `/render` draws, and why some targets could not be drawn. */
export interface Rendered {
  readonly lines: readonly Drawn[]
  readonly leftOut: readonly string[]
  /** Whether no target is valid; a target of a data node that does not run counts as valid. */
  readonly isFault: boolean
}

/**
 * Draws Graphite targets. One that cannot be parsed or draws too much is left out and named, and the others
 * are complete: a panel sends all of its targets at once.
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

  const drawn: { readonly expression: Expression; readonly found: Found }[] = []
  /** The metrics requested for each span, by its ends. */
  const asked = new Map<string, { readonly span: Span; readonly metrics: Set<Metric> }>()
  let [count, wild] = [0, 0]
  for (const target of targets) {
    await trying(async () => {
      const expression = parseTarget(target)
      check(expression)
      const leaves = new Map<string, Leaf[]>()
      for (const path of pathsIn(expression)) {
        if (!memo.has(path)) wild += braces(path).filter(isWild).length
        if (wild > MAX_PATTERNS) throw badRequest(`more than ${MAX_PATTERNS} patterns in one request`)
        leaves.set(path, await leavesOf(path))
      }
      const found: Found = {
        leaves: (path) => leaves.get(path) ?? [],
        states: (path, of) => operations.lines(path, of).map((line) => ({ ...line, step: 0 })),
      }
      let more = 0
      const wanted: (readonly [Span, readonly Leaf[]])[] = []
      for (const [path, of] of spansIn(expression, span, found)) {
        const own = found.leaves(path)
        const states = found.states(path, of).length
        more += own.length + states
        wanted.push([of, own])
        if (own.length + states > 0) continue
        const away = isPlain(path) ? whyAway(path, nodes) : undefined
        if (away !== undefined) {
          gone.push(away)
          continue
        }
        const why = await whyNothing(path, find)
        if (why !== undefined) throw badRequest(why)
      }
      if (count + more > MAX_METRICS) {
        throw badRequest(
          `target "${target.slice(0, 100)}": with its ${more} there are more than ${MAX_METRICS} curves`,
        )
      }
      count += more
      for (const [of, own] of wanted) {
        const one = asked.get(keyOf(of)) ?? { span: of, metrics: new Set() }
        asked.set(keyOf(of), one)
        for (const { metric } of own) one.metrics.add(metric)
      }
      drawn.push({ expression, found })
    })
  }
  const curves = new Map<string, Curves>()
  await Promise.all(
    [...asked].map(async ([key, { span: of, metrics }]) => {
      if (metrics.size > 0) curves.set(key, await askReaching(nodes, [...metrics], of))
    }),
  )
  const lines: Line[] = []
  for (const { expression, found } of drawn) {
    const answer = await trying(() =>
      evaluate(expression, span, false, { ...found, curve: (metric, of) => curves.get(keyOf(of))?.(metric) }),
    )
    lines.push(...answer.flat())
  }
  const isFault = lines.length === 0 && gone.length === 0 && leftOut.length > 0
  return { lines: told(lines), leftOut: [...leftOut, ...gone], isFault }
}

/** The matches of a target's paths. */
interface Found {
  leaves(path: string): readonly Leaf[]
  /** The states of operations in a span. */
  states(path: string, span: Span): readonly Line[]
}

const keyOf = ({ from, to, points }: Span) => `${from} ${to} ${points}`

/** Checks that all functions are known and have valid arguments. */
function check(expression: Expression): void {
  if (expression.kind === 'value')
    throw badRequest(`"${String(expression.value).slice(0, 100)}" is not a metric`)
  if (expression.kind === 'path') return
  const { name, args } = expression
  checkArguments(name, functionOf(name, FUNCTIONS), args)
  for (const arg of args) if (arg.kind !== 'value') check(arg)
}

function pathsIn(expression: Expression): string[] {
  if (expression.kind === 'path') return [expression.text]
  return expression.kind === 'call' ? expression.args.flatMap(pathsIn) : []
}

const valuesOf = (args: readonly Expression[]) =>
  args.flatMap((arg): Value[] => (arg.kind === 'value' ? [arg.value] : []))

/** The time for which a function needs its curves. */
function reachOf(expression: Expression & { kind: 'call' }, span: Span, found: Found): Span {
  const { name, args } = expression
  const rhythms = () =>
    pathsIn(expression).flatMap((path) => found.leaves(path).map(({ metric }) => metric.about.rhythm ?? 0))
  return FUNCTIONS.get(name)?.reach?.(span, valuesOf(args), () => Math.max(0, ...rhythms())) ?? span
}

/** Each path of a target with the time for which it is requested. */
function* spansIn(expression: Expression, span: Span, found: Found): Generator<readonly [string, Span]> {
  if (expression.kind === 'path') yield [expression.text, span]
  if (expression.kind !== 'call') return
  const reached = reachOf(expression, span, found)
  for (const arg of expression.args) yield* spansIn(arg, reached, found)
}

interface Scope extends Found {
  curve(metric: Metric, span: Span): Curve | undefined
}

/**
 * @param evenly lowest and highest values are not enough: where samples were left out, each point is a mean
 */
function evaluate(expression: Expression, span: Span, evenly: boolean, scope: Scope): readonly Line[] {
  if (expression.kind === 'path') {
    const drawn = scope
      .leaves(expression.text)
      .map((leaf) => line(leaf, scope.curve(leaf.metric, span), span, evenly))
    return [...drawn, ...scope.states(expression.text, span)]
  }
  if (expression.kind === 'value') return []
  const called = functionOf(expression.name, FUNCTIONS)
  const reached = reachOf(expression, span, scope)
  const series = expression.args.flatMap((arg) =>
    arg.kind === 'value' ? [] : [evaluate(arg, reached, evenly || called.evenly === true, scope)],
  )
  return called.act({ series, values: valuesOf(expression.args), span })
}

function line(
  { path, metric: { node, field, about } }: Leaf,
  curve: Curve | undefined,
  { to }: Span,
  evenly: boolean,
): Line {
  const tags = { name: path, node, field, ...(about.units !== null && { unit: about.units }) }
  const drawn = curve ? drawable(curve, to) : []
  const points = drawn.map(([value, t]): Point => [value, Math.round(t * 1000) / 1000])
  const isThin = curve?.thinned === true && curve.width > 0
  const datapoints = evenly && isThin ? means(points, curve.width) : points
  const step = isThin ? curve.width : (about.rhythm ?? 0)
  return { path, target: path, tags, datapoints, step }
}

/**
 * The mean of the points of each interval, at the mean of their times. Of thinned samples the lowest and the
 * highest are there; while the curve rises or falls both lie on it, so slopes are preserved.
 */
function means(points: readonly Point[], width: number): Point[] {
  const boxes = Map.groupBy(points, ([, time]) => Math.floor(time / width))
  return [...boxes.values()].map((all): Point => {
    const present = all.filter(([value]) => value !== null)
    const times = (present.length > 0 ? present : all).map(([, time]) => time)
    return [present.length > 0 ? average(present.map(([value]) => Number(value))) : null, average(times)]
  })
}

/** Distinguishes curves that have the same tags: an alert over several needs unique ones. */
function told(lines: readonly Line[]): Drawn[] {
  const seen = new Map<string, number>()
  return lines.map(({ target, tags, datapoints }) => {
    const kind = JSON.stringify(tags)
    const nth = (seen.get(kind) ?? 0) + 1
    seen.set(kind, nth)
    return { target, tags: nth === 1 ? tags : { ...tags, copy: String(nth) }, datapoints }
  })
}
