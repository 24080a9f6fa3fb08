/**
 * Splits a line into words as a shell does: blanks separate words, quotes and backslashes protect blanks.
 * @returns the words, and whether a quote is still open; `ended`: no further word has been begun
 */
export function splitWords(line: string): { words: string[]; open: boolean; ended: boolean } {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let at = 0; at < line.length; at++) {
    const char = line[at] ?? ''
    if (quote !== '' && char === quote) quote = ''
    else if (quote === '' && (char === '"' || char === "'")) {
      quote = char
      word ??= ''
    } else if (char === '\\' && quote !== "'" && at + 1 < line.length) word = (word ?? '') + line[++at]
    else if (quote === '' && /\s/.test(char)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + char
  }
  if (word !== undefined) words.push(word)
  return { words, open: quote !== '', ended: word === undefined }
}
