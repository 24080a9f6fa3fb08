import { createHash } from 'node:crypto'

/**
 * Names in which only letters, digits and `_` are left, and what each stands for. Of several that would become one, a
 * name that is plain already keeps it, else the first in order does; the others end in four hexadecimal digits of their
 * own, which depend on nothing but the name.
 */
export function plainNames(originals: Iterable<string>): Map<string, string> {
  const result = new Map<string, string>()
  const same = Map.groupBy(originals, plain)
  const later: string[] = []
  for (const [name, list] of same) {
    const [first, ...others] = list.includes(name)
      ? [name, ...list.filter((other) => other !== name).sort()]
      : list.sort()
    result.set(name, first ?? name)
    later.push(...others)
  }
  for (const original of later) {
    const digest = createHash('sha256').update(original).digest('hex')
    let digits = 4
    while (result.has(`${plain(original)}_${digest.slice(0, digits)}`)) digits++
    result.set(`${plain(original)}_${digest.slice(0, digits)}`, original)
  }
  return result
}

function plain(name: string): string {
  return name.replaceAll(/\W/g, '_')
}
