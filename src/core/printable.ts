/** Control, format (bidi and other invisible) and line characters, except line feed and tab. */
const HIDDEN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|[\uD800-\uDFFF]/gu

/**
 * Makes foreign text safe for a terminal: characters that would move the cursor, set colours, hide text or
 * reverse its direction become JSON escapes (`\u001b`), so that JSON stays the same document. Line feeds and
 * tabs stay; a carriage return before a line feed is removed.
 */
export function printable(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(HIDDEN, (found) =>
      Array.from({ length: found.length }, (_, at) => escaped(found.charCodeAt(at))).join(''),
    )
}

/** Makes foreign text safe and puts it on one line. */
export function oneLine(text: string): string {
  return printable(text).replaceAll(/\s+/g, ' ')
}

/** The same, cut to `most` characters: for a name, a reason, a word in a message. */
export function label(text: string, most = 200): string {
  const line = oneLine(text)
  return line.length > most ? `${line.slice(0, most - 1)}…` : line
}

function escaped(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`
}
