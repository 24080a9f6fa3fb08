import { createHash } from 'node:crypto'

/** Characters of a uid, at most (Grafana, `util.MaxUIDLength`). */
const LONGEST = 40

/**
 * A uid for Grafana, of letters, digits and `_` alone (before 9.3.4 it cuts one at "-"): always the same for the same
 * words, so that what people link to is still there after provisioning again.
 */
export function uidOf(...words: readonly string[]): string {
  const text = ['ocs', ...words].join('_')
  const plain = text.replaceAll(/\W/g, '_')
  if (plain === text && plain.length <= LONGEST) return plain
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 6)
  return `${plain.slice(0, LONGEST - digest.length - 1)}_${digest}`
}

/** A panel's id, which stands in links to it: always the same for the same name, unique among `taken`, which it joins. */
export function panelId(name: string, taken: Set<number>): number {
  const digest = createHash('sha256').update(name).digest()
  let id = (digest.readUInt32BE(0) >>> 8) + 1
  while (taken.has(id)) id++
  taken.add(id)
  return id
}
