/** Text of Markdown that is no code: what is to be changed there, and nowhere else. */
const CODE = /^ *(`{3,}|~{3,})[^\n]*\n.*?^ *\1 *$|(`+)(?!`).*?(?<!`)\2(?!`)/gms

/** Changes what of a page stands outside code. */
export function outsideCode(text: string, change: (part: string) => string): string {
  let changed = ''
  let at = 0
  for (const found of text.matchAll(CODE)) {
    changed += change(text.slice(at, found.index)) + found[0]
    at = found.index + found[0].length
  }
  return changed + change(text.slice(at))
}

/** A text as a cell of a table. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** A table; nothing for no rows. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return []
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line), '']
}
