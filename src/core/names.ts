import { z } from 'zod'

/**
 * Instance-ids, feed, operation and address-root names: one topic level, safe in a file name and in a shell.
 */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/
/** Field names by OCS's rule: letters, digits, underscore; a letter first, after optional underscores. */
export const FIELD = /^_*[A-Za-z][A-Za-z0-9_]*$/
/** Block names: OCS has no rule for them, and socs uses the labels of the front panel. */
export const BLOCK = /^(?!__proto__$)[!-~](?:[ -~]{0,253}[!-~])?$/
/** An MQTT client id that can stand in a topic as the caller's name. */
export const CLIENT = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/

export const Name = z.string().regex(NAME, 'letters, digits, _ and -, at most 63, a letter or digit first')
const LONGEST_FIELD = 255
export const FieldName = z
  .string()
  .max(LONGEST_FIELD)
  .regex(FIELD, 'letters, digits and _, at most 255, a letter first after optional underscores')
/**
 * Whether a text is a field name, as `FieldName` says; `__proto__` is not one, since it cannot be a key of a
 * plain object, and zod drops it from records.
 */
export const isFieldName = (text: string): boolean =>
  text.length <= LONGEST_FIELD && FIELD.test(text) && text !== '__proto__'
export const BlockName = z
  .string()
  .regex(BLOCK, 'printable ASCII, at most 255 characters, no blank at either end')

/**
 * No control characters, and none that hide text or reverse its direction (bidi); a pattern that JSON Schema
 * accepts.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const PLAIN = /^[^\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]*$/

/** A word or line that agents publish about themselves: shown unchanged in terminals and pages. */
export const Label = z.string().max(200).regex(PLAIN, 'without control and invisible characters')
/** A data node's name for a field: with its feed and block if two fields share a name. */
export const NodeField = z
  .string()
  .max(600, 'at most 600 characters')
  .regex(PLAIN, 'without control and invisible characters')
/** Unix seconds, UTC, of an event: from 1970 to 2096, so that every reader can show it as a date. */
export const UnixTime = z.number().min(0).max(4e9)

/** The instance-id under which a spool is drained: its agent may be running elsewhere under its own id. */
export function drainInstance(instance: string, spool: string): string {
  const end = `-drain-${spool.slice(0, 8)}`
  return `${instance.slice(0, 63 - end.length)}${end}`
}

/** The end of an instance-id under which spools are drained; no agent runs under such an id. */
export const DRAIN = /-drain-[0-9a-f]{8}$/

/**
 * Whether an instance-id is one under which a spool of `instance` is drained: no other id may speak for it.
 */
export function drainsFor(id: string, instance: string): boolean {
  return DRAIN.test(id) && id === drainInstance(instance, id.slice(-8))
}

/** A name by OCS's rule for fields: invalid characters become underscores. */
export function fieldOf(text: string): string {
  const plain = text.replaceAll(/[^A-Za-z0-9_]/g, '_').slice(0, 255)
  return /^_*[A-Za-z]/.test(plain) ? plain : `a_${plain}`.slice(0, 255)
}

/** Client ids that fetch a token for a password and do nothing else. */
export const LOGIN = /^login-[0-9a-f]{8}$/
/**
 * The client id of a bridge, which only reads. An older ocs has a dot there, which NATS does not allow in a
 * client id.
 */
export const BRIDGE = /^bridge[.-][0-9a-f]{8}$/

/** The instance-id reserved for the hub. */
export const HUB = 'hub'

/**
 * Finds an entry by name: an exact match, otherwise one that ignores case; of two with the same spelling, the
 * first.
 */
export function nameFinder<T>(spellings: Iterable<readonly [string, T]>): (name: string) => T | undefined {
  const exact = new Map<string, T>()
  const folded = new Map<string, T>()
  for (const [name, what] of spellings) {
    if (!exact.has(name)) exact.set(name, what)
    if (!folded.has(name.toLowerCase())) folded.set(name.toLowerCase(), what)
  }
  return (name) => exact.get(name) ?? folded.get(name.toLowerCase())
}

/**
 * The candidates closest to a misspelt word, best first; empty if none is near. A single letter is never a
 * misspelling of another.
 */
export function didYouMean(word: string, candidates: Iterable<string>): string[] {
  const limit = word.length < 2 ? 0 : Math.max(1, Math.floor(word.length / 3))
  return [...new Set(candidates)]
    .map((name) => ({ name, far: distance(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ far }) => far <= limit)
    .sort((a, b) => a.far - b.far)
    .map(({ name }) => name)
}

/** ` (did you mean x?)`, or an empty text if no name is near. */
export function meant(word: string, known: Iterable<string>): string {
  const [near] = didYouMean(word, known)
  return near === undefined ? '' : ` (did you mean ${near}?)`
}

/**
 * `did you mean "x"?`, or a list of what exists: `there are a, b`.
 * @param listed the names to list, if not all of the known ones
 */
export function nearOr(
  word: string,
  known: readonly string[],
  has = 'there are',
  listed: readonly string[] = known,
): string {
  const [near] = didYouMean(word, known)
  if (near?.startsWith('--')) return `did you mean ${near}?`
  return near ? `did you mean "${near}"?` : `${has} ${[...new Set(listed)].join(', ') || 'none'}`
}

/** The message for a name that is not known: `no spool "x": did you mean "y"?` */
export function notFound(what: string, name: string, known: readonly string[], has?: string): string {
  return `${what} ${JSON.stringify(name)}: ${nearOr(name, known, has)}`
}

/** The number of edits (insert, delete, replace, swap of neighbours) that turn one word into the other. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (before[j - 2] ?? 0) + 1)
      }
      next.push(best)
    }
    before = row
    row = next
  }
  return row[b.length] ?? 0
}
