import { isWild } from '../../core/glob.ts'
import { meant } from '../../core/names.ts'
import { plainNames } from '../../grafana/plain-names.ts'
import type { Nodes } from '../../lab/nodes.ts'
import type { Branch } from './names.ts'

/** Maximum number of existing names that an error lists. */
const TOLD = 10

/** Whether a path is a name rather than a pattern. */
export function isPlain(path: string): boolean {
  return !isWild(path) && !path.includes('{')
}

/** Why a name draws nothing because the hub or its data node is away; undefined if both are there. */
export function whyAway(path: string, nodes: Pick<Nodes, 'away' | 'gone'>): string | undefined {
  const [name = ''] = path.split('.')
  const gone = plainNames(nodes.gone()).get(name)
  const lost = nodes.away(gone ?? name)
  const why = lost ?? (gone === undefined ? undefined : 'its data node does not run')
  return why && `"${path.slice(0, 100)}": ${why}`
}

/**
 * Why a name draws nothing, with existing names; undefined for a pattern, `*` or `{a,b}`, which may match
 * nothing.
 * @param find returns the matches of a pattern
 */
export async function whyNothing(
  path: string,
  find: (pattern: string) => Promise<readonly Branch[]>,
): Promise<string | undefined> {
  if (!isPlain(path)) return undefined
  const parts = path.split('.')
  for (const [i, part] of parts.entries()) {
    const above = parts.slice(0, i)
    if ((await find([...above, part].join('.'))).length > 0) continue
    const names = [...new Set((await find([...above, '*'].join('.'))).map(({ text }) => text))]
    const missing = i === 0 ? 'no data node is called' : `${above.join('.')} has no metric`
    const more = names.length > TOLD ? `, … (${names.length})` : ''
    const there =
      names.length > 0 ? `there are ${names.slice(0, TOLD).join(', ')}${more}` : 'there is none yet'
    return `"${path.slice(0, 100)}": ${missing} "${part.slice(0, 100)}"${meant(part, names)}; ${there}`
  }
  return `"${path.slice(0, 100)}" is not a metric: a metric is NAME.field, as in ${path.slice(0, 100)}.*`
}
