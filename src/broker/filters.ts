/** A tree of filters by level. */
interface Node {
  readonly next: Map<string, Node>
  /** Whether a filter ends here. */
  ends: boolean
}

/**
 * A test whether a topic matches one of these filters (MQTT 3.1.1 §4.7); a wildcard at the start does not
 * match a topic that begins with `$`. A test takes as long for a thousand filters as for one: a client may
 * subscribe to that many at once, again and again.
 */
export function fitting(filters: readonly string[]): (topic: string) => boolean {
  const root: Node = { next: new Map(), ends: false }
  for (const filter of filters) {
    let at = root
    for (const level of filter.split('/')) {
      const next = at.next.get(level) ?? { next: new Map(), ends: false }
      at.next.set(level, next)
      at = next
    }
    at.ends = true
  }
  return (topic) => fits(root, topic.split('/'), 0)
}

function fits({ next, ends }: Node, levels: readonly string[], depth: number): boolean {
  const isOpen = depth > 0 || !levels[0]?.startsWith('$')
  if (isOpen && next.has('#')) return true
  const level = levels[depth]
  if (level === undefined) return ends
  return (isOpen ? [level, '+'] : [level]).some((word) => {
    const node = next.get(word)
    return node !== undefined && fits(node, levels, depth + 1)
  })
}
