/** The reference of commands: a page for each that is typed behind `ocs`, those beneath it as its sections. */
import { briefly, type CommandText, type Entry, EXIT_CODES, sharedFlags } from './describe.ts'
import { table } from './markdown.ts'

const code = (text: string): string => `\`${text}\``
const fence = (lines: readonly string[], language: string): string[] =>
  lines.length === 0 ? [] : [`\`\`\`${language}`, ...lines, '```', '']
const entries = (head: string, list: readonly Entry[]): string[] =>
  table(
    [head, 'meaning'],
    list.map(({ term, text }) => [code(term), text]),
  )

/** The pages by their path on the site: `commands.md`, `commands/ctrl.md` and so on. */
export function commandPages(ocs: CommandText): Map<string, string> {
  const pages = new Map([['commands.md', index(ocs)]])
  for (const command of ocs.commands)
    pages.set(`commands/${lastWord(command)}.md`, section(command, '#').join('\n'))
  return pages
}

const lastWord = ({ name }: CommandText): string => name.split(' ').at(-1) ?? ''

function index(ocs: CommandText): string {
  const every = (command: CommandText): CommandText[] => [command, ...command.commands.flatMap(every)]
  const rows = ocs.commands.flatMap(every).map((command) => {
    const [, page = '', ...below] = command.name.split(' ')
    const hash = below.length > 0 ? `#${command.name.replaceAll(' ', '-')}` : ''
    return [`[${code(command.name)}](/commands/${page}.md${hash})`, briefly(command.text)]
  })
  return [
    ...['# Commands', '', ocs.text, ''],
    'Each tells the same with `--help`, and `man ocs-NAME` where the manual pages are installed.',
    '',
    ...table(['command', 'does'], rows),
    ...['## Exit codes', ''],
    ...table(
      ['code', 'means'],
      EXIT_CODES.map(({ term, text }) => [term, text]),
    ),
    ...[
      '## Flags of site, hub and folders',
      '',
      'Commands share these; each says which of them it takes.',
      '',
    ],
    ...entries('flag', sharedFlags(ocs)),
  ].join('\n')
}

function section(command: CommandText, heading: string): string[] {
  const { name, usage, text, shared, notes, examples, commands } = command
  const lines = [`${heading} ${name}`, '', text, '', ...fence([usage], 'sh')]
  lines.push(...entries('argument', command.arguments), ...entries('flag', command.flags))
  if (shared.length > 0) {
    const flags = shared.map(({ term }) => code(term.replace(/ <.*$/, ''))).join(', ')
    lines.push(
      `It also takes ${flags}: [flags of site, hub and folders](/commands.md#flags-of-site-hub-and-folders).`,
      '',
    )
  }
  for (const note of notes)
    lines.push(...(/\n {2}/.test(note) ? fence(note.split('\n'), 'text') : [note, '']))
  if (examples.length > 0) lines.push('Examples:', '', ...fence(examples, 'sh'))
  if (heading === '#' && commands.length > 0) {
    const rows = commands.map((sub) => [
      `[${code(sub.name)}](#${sub.name.replaceAll(' ', '-')})`,
      briefly(sub.text),
    ])
    lines.push(...table(['beneath it', 'does'], rows))
  }
  if (heading === '#' && commands.length === 0)
    lines.push('Its [exit code](/commands.md#exit-codes) says how it ended.', '')
  return [...lines, ...commands.flatMap((sub) => section(sub, heading === '#' ? '##' : '###'))]
}
