import { braces, glob, isWild } from '../../core/glob.ts'
import { OpCode, type OpState } from '../../core/ops.ts'
import { plainNames } from '../../grafana/plain-names.ts'
import { states } from '../annotations.ts'
import type { History } from '../history.ts'
import type { Line } from './line.ts'
import type { Branch } from './names.ts'

/**
 * First parts of the names of operations, `operations.ls240.acq`, and which operations are included. The
 * second branch leaves out tasks: one that failed once, as when started with a wrong parameter, stays failed
 * for good, which is no reason for an alarm. Neither branch matches `*`, which means the data nodes.
 */
const BRANCHES: readonly (readonly [name: string, has: (kind: Kind) => boolean])[] = [
  ['operations', () => true],
  ['processes', (kind) => kind !== 'task'],
]
/** The kind of an operation; undefined if its agent does not tell. */
type Kind = 'task' | 'process' | undefined

const CODES: Readonly<Record<OpState, number>> = {
  starting: OpCode.STARTING,
  running: OpCode.RUNNING,
  degraded: OpCode.DEGRADED,
  stopping: OpCode.STOPPING,
  idle: OpCode.SUCCEEDED,
  failed: OpCode.FAILED,
}

/** The history of operations, as OCS's op codes over time, under Graphite names. */
export interface Operations {
  /** The matches of a pattern: the branch itself, an instance, or an operation as a leaf. */
  find(pattern: string): Branch[]
  /** The curves that match a pattern: a point at each change, and at both ends (unix ms) of the span. */
  lines(pattern: string, span: { readonly from: number; readonly to: number }): Omit<Line, 'step'>[]
}

/** @param kindOf returns the kind of an instance's operation */
export function operationNames(history: History, kindOf: (instance: string, op: string) => Kind): Operations {
  const tree = (has: (kind: Kind) => boolean) => {
    const byInstance = Map.groupBy(
      history.runs().filter(({ instance, op }) => has(kindOf(instance, op))),
      ({ instance }) => instance,
    )
    return [...plainNames(byInstance.keys())].map(([name, instance]) => {
      const ops = new Set((byInstance.get(instance) ?? []).map(({ op }) => op))
      return { name, instance, ops: [...plainNames(ops)] }
    })
  }
  const fitting = (pattern: string, branch: string, length: number) =>
    braces(pattern)
      .map((text) => text.split('.'))
      .filter(([first, ...rest]) => first === branch && rest.length === length - 1)
      .map(([, ...rest]) => rest.map(test))

  return {
    find: (pattern) =>
      BRANCHES.flatMap(([root, has]) => {
        const [roots, instances, leaves] = [1, 2, 3].map((length) => fitting(pattern, root, length))
        const branch = roots?.length ? [{ text: root, path: root, leaf: false }] : []
        if (!instances?.length && !leaves?.length) return branch
        const below = tree(has).flatMap(({ name, ops }): Branch[] => {
          const path = `${root}.${name}`
          const own = instances?.some(([is]) => is?.(name)) ? [{ text: name, path, leaf: false }] : []
          const ends = ops.filter(([op]) => leaves?.some(([is, of]) => is?.(name) && of?.(op)))
          return [...own, ...ends.map(([op]) => ({ text: op, path: `${path}.${op}`, leaf: true }))]
        })
        return [...branch, ...below]
      }),
    lines: (pattern, span) =>
      BRANCHES.flatMap(([root, has]) => {
        const wanted = fitting(pattern, root, 3)
        if (wanted.length === 0) return []
        const { ops, rows } = states(history, { ...span, words: '' })
        return tree(has).flatMap(({ name, instance, ops: named }) =>
          named
            .filter(([plain]) => wanted.some(([is, of]) => is?.(name) && of?.(plain)))
            .map(([plain, op]) => {
              const path = `${root}.${name}.${plain}`
              const at = ops.indexOf(`${instance} ${op}`) + 1
              const datapoints = rows.flatMap((row) => {
                const state = at > 0 ? (row[at] as OpState | null) : null
                return state === null ? [] : [[CODES[state], row[0] / 1000] as const]
              })
              return { path, target: path, tags: { name: path, instance, operation: op }, datapoints }
            }),
        )
      }),
  }
}

function test(pattern: string): (name: string) => boolean {
  return isWild(pattern) ? glob(pattern) : (name) => name === pattern
}
