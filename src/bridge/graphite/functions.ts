import { badRequest } from '../http.ts'
import { linearRegex } from '../linear-regex.ts'

/** A curve as Graphite answers it, times in seconds. */
export interface Line {
  /** The names it was drawn from, which functions by node count in. */
  readonly path: string
  /** What stands in the legend. */
  readonly target: string
  readonly tags: Readonly<Record<string, string>>
  readonly datapoints: readonly (readonly [number | null, number])[]
}
export type Value = string | number | boolean

type Change = (lines: readonly Line[], args: readonly Value[]) => readonly Line[]

/** What can be done to curves. */
export const FUNCTIONS: ReadonlyMap<string, Change> = new Map<string, Change>([
  ['alias', (lines, [name]) => lines.map((line) => ({ ...line, target: text('alias', name) }))],
  ['aliasByNode', (lines, args) => lines.map((line) => ({ ...line, target: byNode(line.path, args) }))],
  ['aliasByTags', (lines, args) => lines.map((line) => ({ ...line, target: byTags(line, args) }))],
  [
    'aliasSub',
    (lines, [search, replacement]) => {
      const change = substitution(text('aliasSub', search), text('aliasSub', replacement))
      return lines.map((line) => ({ ...line, target: change(line.target) }))
    },
  ],
  [
    'removeEmptySeries',
    (lines) => lines.filter(({ datapoints }) => datapoints.some(([value]) => value !== null)),
  ],
  ['scale', arithmetic('scale', (value, by) => value * by)],
  ['offset', arithmetic('offset', (value, by) => value + by)],
])

function arithmetic(name: string, act: (value: number, by: number) => number): Change {
  return (lines, [by]) => {
    if (typeof by !== 'number')
      throw badRequest(`${name}: its second argument is a number, as in ${name}(x, 2)`)
    return lines.map((line) => {
      const target = `${name}(${line.target},${by})`
      const datapoints = line.datapoints.map(([value, time]) => {
        const result = value === null ? Number.NaN : act(value, by)
        return [Number.isFinite(result) ? result : null, time] as const
      })
      return { ...line, target, tags: { ...line.tags, name: target }, datapoints }
    })
  }
}

function byNode(path: string, args: readonly Value[]): string {
  if (args.length === 0) throw badRequest('aliasByNode: which nodes? As in aliasByNode(x, 0, 1)')
  const parts = path.split('.')
  const chosen = args.map((arg) => {
    if (!Number.isInteger(arg))
      throw badRequest(`aliasByNode: "${String(arg).slice(0, 50)}" is no node: 0, 1, -1, …`)
    return parts.at(arg as number)
  })
  return chosen.filter((part) => part !== undefined).join('.')
}

function byTags({ tags }: Line, args: readonly Value[]): string {
  if (args.length === 0) throw badRequest('aliasByTags: which tags? As in aliasByTags(x, "field", "unit")')
  return args.flatMap((arg) => tags[text('aliasByTags', arg)] ?? []).join('.')
}

function text(name: string, value: Value | undefined): string {
  if (typeof value !== 'string')
    throw badRequest(`${name}: its arguments after the first are texts in quotes`)
  return value
}

/** Replaces all matches of an expression; `\1` and `\g<1>` in the replacement stand for its groups. */
export function substitution(search: string, replacement: string): (name: string) => string {
  let find: ReturnType<typeof linearRegex>
  try {
    find = linearRegex(search)
  } catch (cause) {
    throw badRequest(`aliasSub: the expression "${search.slice(0, 100)}": ${(cause as SyntaxError).message}`)
  }
  const pieces = [...replacement.slice(0, 500).matchAll(/\\(?:(\d)|g<(\d{1,2})>|(\\))|[\s\S]/g)]
  return (name) => {
    let result = ''
    let done = 0
    for (let from = 0; from <= name.length && result.length < 2000; ) {
      const match = find(name, from)
      if (!match) break
      const [start = 0, end = 0] = match
      result += name.slice(done, start)
      for (const [whole, one, other, backslash] of pieces) {
        const group = Number(one ?? other)
        if (Number.isNaN(group)) result += backslash ?? whole
        else result += name.slice(Math.max(0, match[2 * group] ?? 0), Math.max(0, match[2 * group + 1] ?? 0))
      }
      done = end
      from = end > start ? end : end + 1
    }
    return (result + name.slice(done)).slice(0, 2000)
  }
}
