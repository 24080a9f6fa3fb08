import { RE2JS, RE2JSException } from 're2js'

/** Maximum characters of an expression, and maximum steps after expanding its repetitions. */
const MAX_SOURCE = 500
const MAX_STEPS = 1000

/** The beginning and end of a match and its groups: pairs, -1 for a group that did not take part. */
export type Match = readonly number[]

/**
 * Compiles a regular expression in RE2's syntax, which is that of Perl and Python without whatever needs
 * backtracking: its time is proportional to pattern × text, so a dashboard's expression cannot block the
 * bridge, as it could with the engine of the language. Leftmost match, first alternative before the next.
 * @returns a function that finds the first match at or after a position
 * @throws SyntaxError for an expression that RE2 does not understand, or that is too long
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
