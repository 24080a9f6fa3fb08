/** What pages ask to type into a shell. */

/** Where a line of a shell runs `ocs`, also behind another program. */
const RUNS = /(?:^|[|;&(]|\bsudo(?: -u \w+)?|\bnpx)\s*(?:\w+=\S+ )*(?:[\w./]*\/)?ocs (?=\S)/g

/**
 * The lines of a shell that a page asks to type, joined and without comments: all of `sh`, and the lines after
 * a prompt elsewhere.
 */
function lines(text: string, onlyShell = false): string[] {
  const blocks = [...text.matchAll(/^ *```(\w*)[^\n]*\n(.*?)^ *```/gms)]
  return blocks.flatMap(([, language = '', body = '']) => {
    const all = /^(sh|bash|shell)$/.test(language)
    return body
      .replaceAll(/\\\n\s*/g, ' ')
      .split('\n')
      .flatMap((line) => (all ? [line] : onlyShell ? [] : (/^\s*\$ (.*)$/.exec(line)?.slice(1) ?? [])))
      .map((line) => line.replace(/(^|\s+)#.*$/, '').trim())
      .filter(Boolean)
  })
}

/** The programs that the `sh` blocks of a page start, without variables such as `A=1` before them. */
export function programs(text: string): string[] {
  return lines(text, true).map((line) => /^(?:\w+=(?:"[^"]*"|\S)+ )*(\S+)/.exec(line)?.[1] ?? '')
}

/** The command lines of ocs that a page asks to type. */
export function typed(text: string): string[] {
  return lines(text).flatMap((bare) =>
    [...bare.matchAll(RUNS)].map(({ index, 0: { length } }) => {
      const [rest = ''] = bare.slice(index + length).split(/ *(?:[|;)]|&(?!\S)|&&|\s2>)/)
      return `ocs ${rest}`.trim()
    }),
  )
}
