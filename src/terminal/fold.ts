/**
 * Arranges parts on lines of at most `width` characters, two blanks apart. No part is broken: a URL can still
 * be opened.
 */
export function fold(parts: readonly string[], width: number): string[] {
  const lines: string[] = []
  for (const part of parts) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 2 + part.length <= width)
      lines[lines.length - 1] = `${line}  ${part}`
    else lines.push(part)
  }
  return lines
}
