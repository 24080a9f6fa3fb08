/** Pixels: of a character, between two lines, of letters above their line, and around them all. */
const CHARACTER = 7.83
const LINE = 18
const BASELINE = 13
const MARGIN = 16
/** Fonts differ in width: the length of a line is said, so that columns stand one below the other in every browser. */
const FONT = 'ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace'

/** Of several spaces a browser would show one. */
const NO_BREAK = '\u00a0'

/**
 * A picture (SVG) of a terminal in which a command was typed.
 * @param command what was typed
 * @param output what it printed, without control characters
 */
export function terminalPicture(command: string, output: string): string {
  const lines = [`$ ${command}`, ...output.trimEnd().split('\n')]
  const width = Math.ceil(Math.max(...lines.map((line) => line.length)) * CHARACTER) + 2 * MARGIN
  const height = lines.length * LINE + 2 * MARGIN
  const texts = lines.flatMap((line, at) => {
    const text = line.trim()
    const indent = line.length - line.trimStart().length
    const x = Math.round(MARGIN + indent * CHARACTER)
    const y = MARGIN + at * LINE + BASELINE
    const length = Math.round(text.length * CHARACTER)
    const shown = escaped(text).replaceAll(' ', NO_BREAK)
    return text === '' ? [] : [`<text x="${x}" y="${y}" textLength="${length}">${shown}</text>`]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(`A terminal in which ${command} was typed`)}">`,
    `<rect width="${width}" height="${height}" rx="6" fill="#1b1d23"/>`,
    `<g font-family="${FONT}" font-size="13" fill="#d7dae0">`,
    ...texts,
    '</g>',
    '</svg>\n',
  ].join('\n')
}

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
