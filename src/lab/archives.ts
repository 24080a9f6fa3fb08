import type { FieldEntry } from '../core/data-node.ts'
import type { Nodes } from './nodes.ts'

/** Fields a data node is asked for at once. */
const FIELDS = 1000
/** Points a part of a curve gets besides its share, so that it is no coarser than the whole. */
export const MORE = 2

/** Samples of a recorded field that a live node no longer has. */
export interface Older {
  /** Where the field is recorded. */
  readonly source: string
  /** The time (unix s) from which on they are not wanted: a live node has them. */
  readonly before: number
}
interface Part {
  readonly about: FieldEntry
  readonly t: readonly number[]
  readonly values: readonly unknown[]
  readonly thinned: boolean
}

/**
 * Asks the archives on the bus for what is older than live nodes remember, each once for all fields that end at one time.
 * Of several archives that have a field, the first by name is heard: a copy of the files would double it.
 * @param span from when, and until when those go on that no live node has (unix s)
 * @returns finds what came for what was wanted
 */
export async function askArchives(
  nodes: Nodes,
  wanted: readonly Older[],
  span: { readonly start: number; readonly end: number; readonly max_points: number },
): Promise<(older: Older) => Part | undefined> {
  const found = new Map<string, Part>()
  const bySeam = Map.groupBy(wanted, ({ before }) => before)
  const requests = [...bySeam].flatMap(([before, list]) => {
    const end = Math.min(span.end, justBefore(before))
    if (end < span.start) return []
    const sources = [...new Set(list.map(({ source }) => source))]
    const parts = Array.from({ length: Math.ceil(sources.length / FIELDS) }, (_, i) =>
      sources.slice(i * FIELDS, (i + 1) * FIELDS),
    )
    const share = (end - span.start) / Math.max(span.end - span.start, 1e-3)
    const max_points = Math.min(span.max_points, Math.ceil(span.max_points * share) + MORE)
    return parts.map((fields) => ({ before, request: { start: span.start, end, max_points, fields } }))
  })
  const answers = await Promise.all(
    nodes
      .archives()
      .flatMap((node) =>
        requests.map(async ({ before, request }) => ({ before, answer: await nodes.data(node, request) })),
      ),
  )
  for (const { before, answer } of answers) {
    for (const [source, about] of Object.entries(answer?.fields ?? {})) {
      const { t = [], thinned = true } = answer?.timeline[about.timeline] ?? {}
      if (t.length === 0 || found.has(key({ source, before }))) continue
      found.set(key({ source, before }), { about, t, values: answer?.data[source] ?? [], thinned })
    }
  }
  return (older) => found.get(key(older))
}

function key({ source, before }: Older): string {
  return `${before} ${source}`
}

/** The largest double below a positive one: ranges of data nodes hold both their ends. */
function justBefore(time: number): number {
  if (!Number.isFinite(time)) return time
  const bits = new BigInt64Array(new Float64Array([time]).buffer)
  bits[0] = (bits[0] ?? 1n) - 1n
  return new Float64Array(bits.buffer)[0] ?? time
}
