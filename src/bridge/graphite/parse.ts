import { badRequest } from '../http.ts'

/** A parsed Graphite target: a pattern of names, a function call, or a plain value. */
export type Expression =
  | { readonly kind: 'path'; readonly text: string }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: 'value'; readonly value: string | number | boolean }

/** Maximum nesting of functions, and maximum characters of a target. */
const MAX_DEPTH = 32
const MAX_LENGTH = 16_384

/**
 * Parses a Graphite target, `aliasSub(scale(ls240.*, 1000), "^.*$", "\1 mK")`.
 * @throws HTTPException 400 with the position of the error
 */
export function parseTarget(text: string): Expression {
  if (text.length > MAX_LENGTH) throw badRequest(`a target is longer than ${MAX_LENGTH} characters`)
  let at = 0
  const fail = (what: string): never => {
    const place = at < text.length ? `at "${text.slice(at, at + 20)}"` : 'at its end'
    throw badRequest(`target "${text.slice(0, 100)}": ${what} ${place}`)
  }
  const blanks = () => {
    while (/\s/.test(text[at] ?? '')) at++
  }

  const expression = (depth: number): Expression => {
    if (depth > MAX_DEPTH) fail('functions are nested too deep')
    blanks()
    const quote = text[at]
    if (quote === '"' || quote === "'") return { kind: 'value', value: quoted(quote) }
    const word = bare()
    if (text[at] === '(') {
      if (!/^\w+$/.test(word)) fail('a function has no name')
      at++
      return { kind: 'call', name: word, args: list(depth + 1) }
    }
    if (word === '') fail('a name or a value is missing')
    if (/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(word)) return { kind: 'value', value: Number(word) }
    if (/^(true|false)$/i.test(word)) return { kind: 'value', value: word.toLowerCase() === 'true' }
    return { kind: 'path', text: word }
  }
  const list = (depth: number): Expression[] => {
    const args: Expression[] = []
    blanks()
    if (text[at] === ')') {
      at++
      return args
    }
    for (;;) {
      args.push(expression(depth))
      blanks()
      const mark = text[at]
      if (mark !== ',' && mark !== ')') fail('"," or ")" is missing')
      at++
      if (mark === ')') return args
    }
  }
  /** A backslash is literal, except before the quote: regular expressions and `\1` pass unchanged. */
  const quoted = (quote: string): string => {
    let value = ''
    for (at++; text[at] !== quote; at++) {
      if (at >= text.length) fail('a quote is not closed')
      if (text[at] === '\\' && text[at + 1] === quote) at++
      value += text[at]
    }
    at++
    return value
  }
  /** Up to the next comma or parenthesis outside braces. */
  const bare = (): string => {
    const from = at
    for (let open = 0; at < text.length; at++) {
      const character = text[at] ?? ''
      if (character === '{') open++
      if (character === '}') open--
      if (/[^\w\s.*?[\]{},!^+"'()-]/.test(character)) {
        fail(
          `"${character}" cannot be in a name: a metric is NAME.field, with *, ?, [ab] and {a,b} for many,`,
        )
      }
      if (/["'()]/.test(character) || (character === ',' && open <= 0)) break
    }
    return text.slice(from, at).trim()
  }

  const result = expression(0)
  blanks()
  if (at < text.length) fail('there is text left over')
  return result
}
