import { badRequest } from '../http.ts'
import { linearRegex } from '../linear-regex.ts'
import { type GraphiteFunction, SERIES } from './declaration.ts'
import type { Value } from './line.ts'

/** Functions that rename lines. */
export const NAMING: Readonly<Record<string, GraphiteFunction>> = {
  alias: {
    group: 'Alias',
    description: 'Gives every line this name.',
    params: [SERIES, { name: 'newName', type: 'string', required: true }],
    act: ({ series: [lines = []], values: [name] }) =>
      lines.map((line) => ({ ...line, target: String(name) })),
  },
  aliasByNode: {
    group: 'Alias',
    description: 'Names a line by parts of the name of its metric: 0 is the data node, -1 the field.',
    params: [SERIES, { name: 'nodes', type: 'node', required: true, multiple: true }],
    act: ({ series: [lines = []], values }) =>
      lines.map((line) => ({ ...line, target: byNode(line.path, values) })),
  },
  aliasByTags: {
    group: 'Alias',
    description: 'Names a line by its tags: node, field, unit, name.',
    params: [SERIES, { name: 'tags', type: 'tag', required: true, multiple: true }],
    act: ({ series: [lines = []], values }) =>
      lines.map((line) => ({
        ...line,
        target: values.flatMap((tag) => line.tags[String(tag)] ?? []).join('.'),
      })),
  },
  aliasSub: {
    group: 'Alias',
    description: 'Replaces matches of an expression in the names of lines; \\1 stands for its first group.',
    params: [
      SERIES,
      { name: 'search', type: 'string', required: true },
      { name: 'replace', type: 'string', required: true },
    ],
    act: ({ series: [lines = []], values: [search, replacement] }) => {
      const change = substitution(String(search), String(replacement))
      return lines.map((line) => ({ ...line, target: change(line.target) }))
    },
  },
}

function byNode(path: string, nodes: readonly Value[]): string {
  const parts = path.split('.')
  return nodes.flatMap((node) => parts.at(Number(node)) ?? []).join('.')
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
