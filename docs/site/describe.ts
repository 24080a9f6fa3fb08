/** What the help of every command says, in parts: for the pages of the site and those of `man`. */

import { SHARED } from '../../src/commands/help.ts'
import { everyCommand, helpOf, type Typed } from './every-command.ts'

/** A flag, an argument or a command, and what is said of it. */
export interface Entry {
  readonly term: string
  readonly text: string
}
export interface CommandText {
  /** As it is typed: `ocs ctrl start`. */
  readonly name: string
  /** The same with what follows: `ocs ctrl start [options] [instance] [op]`. */
  readonly usage: string
  readonly text: string
  readonly arguments: readonly Entry[]
  /** Its own flags. */
  readonly flags: readonly Entry[]
  /** Flags that many commands share: of site, hub and folders. */
  readonly shared: readonly Entry[]
  /** What its help says besides, a paragraph each; a list in it has lines of its own, which begin with blanks. */
  readonly notes: readonly string[]
  /** Lines that can be typed. */
  readonly examples: readonly string[]
  readonly commands: readonly CommandText[]
}

/** What every command says of itself. @returns `ocs` and, within, all that stand beneath it */
export async function describe(): Promise<CommandText> {
  const all = await everyCommand()
  const [program] = all
  if (!program) throw new Error('there is no command')
  return await described(program, all)
}

async function described({ words, command }: Typed, all: readonly Typed[]): Promise<CommandText> {
  const help = command.createHelp()
  const options = help.visibleOptions(command).map((option) => ({
    isShared: option.helpGroupHeading === SHARED,
    entry: { term: help.optionTerm(option), text: help.optionDescription(option) },
  }))
  const below = all.filter(
    (one) => one.words.length === words.length + 1 && words.every((word, at) => one.words[at] === word),
  )
  const behind = (await helpOf(words)).split('\n\n')
  // Behind the last list of flags or commands stands what was added.
  const last = behind.findLastIndex((part) =>
    /^(Options|Commands|Arguments|Site, hub and folders):\n/.test(part),
  )
  const [examples = [], notes] = [
    behind
      .find((part) => part.startsWith('Examples:\n'))
      ?.trim()
      .split('\n')
      .slice(1)
      .map((line) => line.trim()),
    behind.slice(last + 1).filter((part) => !part.startsWith('Examples:\n')),
  ]
  return {
    name: ['ocs', ...words].join(' '),
    usage: help.commandUsage(command),
    text: help.commandDescription(command),
    arguments: help
      .visibleArguments(command)
      .map((argument) => ({ term: help.argumentTerm(argument), text: help.argumentDescription(argument) })),
    flags: options.filter(({ isShared }) => !isShared).map(({ entry }) => entry),
    shared: options.filter(({ isShared }) => isShared).map(({ entry }) => entry),
    notes: notes.map((note) => note.trim()).filter(Boolean),
    examples,
    commands: await Promise.all(below.map((one) => described(one, all))),
  }
}

/** The first sentence of what is said of a command, without its full stop. */
export function briefly(text: string): string {
  return (text.split(/\.\s/)[0] ?? text).replace(/\.$/, '')
}

/** The flags that a command and those beneath it share with others, each once. */
export function sharedFlags({ shared, commands }: CommandText): Entry[] {
  const all = [...shared, ...commands.flatMap(sharedFlags)]
  return [...new Map(all.map((entry) => [entry.term, entry])).values()]
}

/** What the exit code of any command means. */
export const EXIT_CODES: readonly Entry[] = [
  { term: '0', text: 'done' },
  { term: '1', text: 'failed or refused: an operation failed, the agent is locked' },
  { term: '2', text: 'wrong usage or configuration: flags, site file, a port or folder that another has' },
  { term: '3', text: 'unreachable or timed out: no hub, no such agent, not over in time' },
]
