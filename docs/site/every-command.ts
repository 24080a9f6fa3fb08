import type { Command } from 'commander'
import { declared } from '../../src/commands/program.ts'
import { runCommand } from '../../src/commands/run-command.ts'
import type { Context } from '../../src/terminal/context.ts'

/** A command as it is declared, and the words that it is typed by, behind `ocs`; none for `ocs` itself. */
export interface Typed {
  readonly words: readonly string[]
  readonly command: Command
}

/** What help is asked with where nothing runs: what is said goes to `out`. */
export function listening(out: (text: string) => void): Context {
  return {
    signal: new AbortController().signal,
    env: {},
    terminal: false,
    size: () => ({ columns: 80, rows: 24 }),
    out,
    err: out,
  }
}

/** The commands beneath one that its help lists. */
function listed(command: Command): Command[] {
  const all = command.createHelp().visibleCommands(command)
  return all.filter((sub) => sub.name() !== 'help')
}

/** Every command that a help lists, from the program down; each stands before those beneath it. */
export async function everyCommand(): Promise<Typed[]> {
  const nothing = listening(() => {})
  const walk = (command: Command, words: readonly string[]): Typed[] => [
    { words, command },
    ...listed(command).flatMap((sub) => walk(sub, [...words, sub.name()])),
  ]
  const all = walk(await declared([], nothing), [])
  // Simulators are loaded where it is them that are asked for.
  const [sim] = (await declared(['sim'], nothing)).commands
  if (!sim) return all
  const at = all.findIndex(({ words }) => words.join(' ') === 'sim')
  return [
    ...all.slice(0, at),
    ...walk(sim, ['sim']),
    ...all.slice(at).filter(({ words }) => words[0] !== 'sim'),
  ]
}

/** What `ocs … --help` prints. */
export async function helpOf(words: readonly string[]): Promise<string> {
  let text = ''
  const context = listening((more) => {
    text += more
  })
  await runCommand(await declared(words, context), [...words, '--help'], context)
  return text
}
