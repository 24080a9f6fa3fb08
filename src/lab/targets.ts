import { braces } from '../core/glob.ts'

/** Metrics one request may ask for. One more than these is written out at most, so that the excess shows. */
export const MAX_METRICS = 200

/** Characters of a target whose alternatives are written out. */
const MAX_TEXT = 16_384

/** A metric, `NAME::field`. */
export interface Metric {
  readonly text: string
  readonly node: string
  readonly field: string
}

/** What a target of a dashboard may mean. */
export interface Target {
  /** The text as it stands; it is meant if there is such a metric. */
  readonly literal: Metric
  /** Else these are meant: the text with Grafana's escaping undone and its variables' values written out. */
  readonly expanded: readonly Metric[]
}

/** Reads a target; undefined for the placeholders of a panel that is being made. @param write writes braces out */
export function readTarget(text: unknown, write = braces): Target | undefined {
  if (typeof text !== 'string') return undefined
  const trimmed = text.trim()
  if (['', 'undefined', 'null', 'select metric'].includes(trimmed)) return undefined
  const expanded: string[] = []
  // Each may be written out to a thousand: no more of them than are needed.
  for (const text of trimmed.length > MAX_TEXT ? [] : expand(trimmed)) {
    expanded.push(...write(text).filter((metric) => metric !== ''))
    if (expanded.length > MAX_METRICS) break
  }
  return { literal: metric(trimmed), expanded: expanded.slice(0, MAX_METRICS + 1).map(metric) }
}

/**
 * Undoes what Grafana does to the values of variables: `\.` is a dot, `(a|b\.c)` is one of several values, `()` is none.
 * It is not run as a regular expression: a dashboard could carry one that never ends.
 */
export function expand(text: string): string[] {
  let results = ['']
  const append = (tails: readonly string[]) => {
    const few = tails.slice(0, MAX_METRICS + 1)
    results = results
      .slice(0, Math.ceil((MAX_METRICS + 1) / few.length))
      .flatMap((head) => few.map((tail) => head + tail))
  }
  for (const [part] of text.matchAll(/\((?:\\.|[^()\\])*\)|\\.|[^\\(]+|./gs)) {
    if (part.length > 1 && part.startsWith('(')) append(split(part.slice(1, -1)).map(unescaped))
    else append([unescaped(part)])
  }
  return [...new Set(results)]
}

/** Splits at bars that are not escaped. */
function split(text: string): string[] {
  const parts = ['']
  for (const [part] of text.matchAll(/\\.|./gs)) {
    if (part === '|') parts.push('')
    else parts.push(parts.pop() + part)
  }
  return parts
}

function unescaped(text: string): string {
  return text.replaceAll(/\\([^A-Za-z0-9])/g, '$1')
}

function metric(text: string): Metric {
  const at = text.indexOf('::')
  return at < 0 ? { text, node: '', field: '' } : { text, node: text.slice(0, at), field: text.slice(at + 2) }
}
