import { braces, glob, isWild } from '../../core/glob.ts'
import { OpCode, type OpState } from '../../core/ops.ts'
import { plainNames } from '../../grafana/plain-names.ts'
import { states } from '../annotations.ts'
import type { History } from '../history.ts'
import type { Line } from './functions.ts'
import type { Branch } from './names.ts'

/** What names of operations begin with: `operations.ls240.acq`. It is hidden from `*`, which means the data nodes. */
const BRANCH = 'operations'

const CODES: Readonly<Record<OpState, number>> = {
  starting: OpCode.STARTING,
  running: OpCode.RUNNING,
  degraded: OpCode.DEGRADED,
  stopping: OpCode.STOPPING,
  idle: OpCode.SUCCEEDED,
  failed: OpCode.FAILED,
}

/** What operations did, as OCS's op codes over time, under Graphite names. */
export interface Operations {
  /** What fits a pattern: the branch itself, an instance, or an operation as a leaf. */
  find(pattern: string): Branch[]
  /** The curves that fit a pattern: a point at each change, and at both ends (unix ms) of the span. */
  lines(pattern: string, span: { readonly from: number; readonly to: number }): Line[]
}

export function operationNames(history: History): Operations {
  const tree = () => {
    const byInstance = Map.groupBy(history.runs(), ({ instance }) => instance)
    return [...plainNames(byInstance.keys())].map(([name, instance]) => {
      const ops = new Set((byInstance.get(instance) ?? []).map(({ op }) => op))
      return { name, instance, ops: [...plainNames(ops)] }
    })
  }
  const fitting = (pattern: string, length: number) =>
    braces(pattern)
      .map((text) => text.split('.'))
      .filter(([first, ...rest]) => first === BRANCH && rest.length === length - 1)
      .map(([, ...rest]) => rest.map(test))

  return {
    find(pattern) {
      const branch = fitting(pattern, 1).length > 0 ? [{ text: BRANCH, path: BRANCH, leaf: false }] : []
      const [instances, leaves] = [fitting(pattern, 2), fitting(pattern, 3)]
      const below = tree().flatMap(({ name, ops }): Branch[] => {
        const path = `${BRANCH}.${name}`
        const own = instances.some(([is]) => is?.(name)) ? [{ text: name, path, leaf: false }] : []
        const ends = ops.filter(([op]) => leaves.some(([is, of]) => is?.(name) && of?.(op)))
        return [...own, ...ends.map(([op]) => ({ text: op, path: `${path}.${op}`, leaf: true }))]
      })
      return [...branch, ...below]
    },
    lines(pattern, span) {
      const wanted = fitting(pattern, 3)
      if (wanted.length === 0) return []
      const { ops, rows } = states(history, { ...span, words: '' })
      return tree().flatMap(({ name, instance, ops: named }) =>
        named
          .filter(([plain]) => wanted.some(([is, of]) => is?.(name) && of?.(plain)))
          .map(([plain, op]) => {
            const path = `${BRANCH}.${name}.${plain}`
            const at = ops.indexOf(`${instance} ${op}`) + 1
            const datapoints = rows.flatMap((row) => {
              const state = at > 0 ? (row[at] as OpState | null) : null
              return state === null ? [] : [[CODES[state], row[0] / 1000] as const]
            })
            return { path, target: path, tags: { name: path, instance, operation: op }, datapoints }
          }),
      )
    },
  }
}

function test(pattern: string): (name: string) => boolean {
  return isWild(pattern) ? glob(pattern) : (name) => name === pattern
}
