/** The manual pages (`man ocs`, `man ocs-ctrl`) from what `--help` says, in the macros of man(7). */
import { join } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import { briefly, type CommandText, describe, type Entry, EXIT_CODES, sharedFlags } from './describe.ts'

/** Characters that every terminal's font has by another name. */
const NAMED: Readonly<Record<string, string>> = {
  '\\': '\\e',
  // What is typed is a minus; groff makes a hyphen of the other.
  '-': '\\-',
  '…': '...',
  '’': '\\(cq',
  "'": '\\(aq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
  '×': '\\(mu',
  '·': '\\(pc',
  '→': '\\(->',
  '≥': '\\(>=',
  '≤': '\\(<=',
  '±': '\\(+-',
  '°': '\\(de',
}

/** Text as it is read, whatever groff takes its letters for. */
function plain(text: string): string {
  return text.replaceAll(/[\\\-'`^~]|[^\0-\x7f]/gu, (letter) => {
    const code = letter.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')
    return NAMED[letter] ?? `\\[u${code}]`
  })
}
/** A line of its own: one that begins with a dot would be a macro. */
const line = (text: string): string => plain(text).replace(/^(?=[.])/, '\\&')
const bold = (text: string): string => `\\fB${plain(text)}\\fR`
const listOf = (entries: readonly Entry[]): string[] =>
  entries.flatMap(({ term, text }) => ['.TP', bold(term), line(text) || '\\&'])
const asTyped = (lines: readonly string[]): string[] => [
  '.PP',
  '.nf',
  '.RS',
  ...lines.map(line),
  '.RE',
  '.fi',
]

/** The manual pages by their file: `ocs.1`, `ocs-ctrl.1` and so on, one for each command behind `ocs`. */
export function manPages(ocs: CommandText): Map<string, string> {
  const names = [ocs, ...ocs.commands].map(({ name }) => name.replaceAll(' ', '-'))
  return new Map(
    [ocs, ...ocs.commands].map((command) => {
      const name = command.name.replaceAll(' ', '-')
      return [`${name}.1`, `${page(command, command === ocs, names).join('\n')}\n`]
    }),
  )
}

/** Writes them into a folder. @returns their paths */
export async function writeManPages(folder: string): Promise<string[]> {
  const pages = [...manPages(await describe())]
  for (const [name, text] of pages) await Bun.write(join(folder, name), text)
  return pages.map(([name]) => join(folder, name))
}

function page(command: CommandText, isTop: boolean, names: readonly string[]): string[] {
  const name = command.name.replaceAll(' ', '-')
  const lines = [
    `.TH ${plain(name.toUpperCase())} 1 "" "ocs ${plain(manifest.version)}" "ocs"`,
    ...['.SH NAME', `${plain(name)} \\- ${plain(briefly(command.text))}`],
    ...['.SH SYNOPSIS', bold(command.usage)],
    ...['.SH DESCRIPTION', line(command.text)],
    ...body(command, '.SH'),
  ]
  if (isTop)
    lines.push('.SH COMMANDS', ...listOf(command.commands.map(({ name, text }) => ({ term: name, text }))))
  else for (const sub of command.commands) lines.push(...beneath(sub))
  const shared = sharedFlags(command)
  if (shared.length > 0 && !isTop)
    lines.push(
      '.SH SITE, HUB AND FOLDERS',
      ...(command.commands.length > 0 ? ['Each takes those of these that its help lists.'] : []),
      ...listOf(shared),
    )
  lines.push('.SH EXIT STATUS', ...listOf(EXIT_CODES))
  const others = names.filter((other) => other !== name && (isTop || other === 'ocs'))
  lines.push('.SH SEE ALSO', `${others.map((other) => `${bold(other)}(1)`).join(', ')}.`)
  lines.push('.PP', `${bold('ocs docs')} has all of the docs in a browser, without a network.`)
  return lines
}

/** A command beneath that of the page, and those beneath that. */
function beneath(command: CommandText): string[] {
  return [
    ...[`.SH ${plain(command.name.toUpperCase())}`, bold(command.usage), '.PP', line(command.text)],
    ...body(command, '.SS'),
    ...command.commands.flatMap(beneath),
  ]
}

/** Arguments, flags, notes and examples, beneath headings by a macro. */
function body(command: CommandText, heading: '.SH' | '.SS'): string[] {
  const { flags, notes, examples } = command
  const lines: string[] = []
  const part = (title: string, list: readonly string[]) => {
    if (list.length > 0) lines.push(`${heading} ${title}`, ...list)
  }
  part('ARGUMENTS', listOf(command.arguments))
  part('OPTIONS', listOf(flags))
  part(
    'NOTES',
    notes.flatMap((note) =>
      /\n {2}/.test(note) ? asTyped(note.split('\n')) : ['.PP', line(note.replaceAll('\n', ' '))],
    ),
  )
  part('EXAMPLES', examples.length > 0 ? asTyped(examples) : [])
  return lines
}
