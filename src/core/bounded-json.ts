const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [
  0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d,
]
/** Levels of lists and objects within one another that a payload may have: readers walk them by recursion. */
const DEPTH = 64

/** What a JSON text says. @throws SyntaxError for what is no JSON, RangeError for JSON that is too deep */
export function parseBounded(text: string): unknown {
  let depth = 0
  let inText = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (inText) {
      if (code === BACKSLASH) at++
      else if (code === QUOTE) inText = false
    } else if (code === QUOTE) inText = true
    else if (code === OPEN_LIST || code === OPEN_OBJECT) {
      if (++depth > DEPTH) throw new RangeError(`more than ${DEPTH} lists and objects within one another`)
    } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth--
  }
  return JSON.parse(text)
}
