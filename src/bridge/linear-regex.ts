import { RE2JS, RE2JSException } from 're2js'

/** Characters an expression may be written with, and steps it may have once its repetitions are written out. */
const MAX_SOURCE = 500
const MAX_STEPS = 1000

/** Where a match and its groups begin and end: pairs, -1 for a group that took no part. */
export type Match = readonly number[]

/**
 * Compiles a regular expression in RE2's syntax, which is Perl's and Python's without what needs going back: its time is in
 * proportion to pattern × text, so that a dashboard's expression cannot stop the bridge, as it could with the engine of
 * the language. Leftmost match, first alternative before the next.
 * @returns what finds its first match at or after a place
 * @throws SyntaxError for what RE2 does not understand, or is too long
 */
export function linearRegex(source: string): (text: string, from?: number) => Match | undefined {
  if (source.length > MAX_SOURCE) throw new SyntaxError(`longer than ${MAX_SOURCE} characters`)
  const expression = compiled(source)
  if (expression.programSize() > MAX_STEPS) throw new SyntaxError('too long with its repetitions expanded')
  return (text, from = 0) => {
    const matcher = expression.matcher(text)
    if (!matcher.find(from)) return undefined
    const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, group) => group)
    return groups.flatMap((group) => [matcher.start(group), matcher.end(group)])
  }
}

function compiled(source: string): RE2JS {
  try {
    return RE2JS.compile(source)
  } catch (cause) {
    if (!(cause instanceof RE2JSException)) throw cause
    throw new SyntaxError(cause.message.replace(/^error parsing regexp: /, ''), { cause })
  }
}
