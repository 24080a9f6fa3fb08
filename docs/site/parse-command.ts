/** What a command line comes to, by the declarations alone: nothing is run. */
import type { Command } from 'commander'
import { declared } from '../../src/commands/program.ts'
import { runCommand } from '../../src/commands/run-command.ts'
import { splitWords } from '../../src/terminal/shell-words.ts'
import { listening } from './every-command.ts'

export interface Parsed {
  /** The words of the command that would run: `ctrl start`; empty where none would. */
  readonly ran: string
  /** Flags that it does not know itself: those of an agent or a script, or misspelt ones. */
  readonly unknown: readonly string[]
  /** Its exit code so far: 2 for what it does not understand. */
  readonly code: number
  /** What it said about that. */
  readonly said: string
}

/** @param line a command line of a shell, from `ocs` on */
export async function parseCommand(line: string): Promise<Parsed> {
  const [, bare = line] = /^eval "\$\((.*)\)"$/.exec(line) ?? []
  const [, ...words] = splitWords(bare.replace(/ (?:\d?>|<) ?\S+$/, '')).words
  let said = ''
  const context = listening((text) => {
    said += text
  })
  const program = await declared(words, context)
  let ran = ''
  let unknown: string[] = []
  const replace = (command: Command, path: readonly string[]): void => {
    command.action((...given: unknown[]) => {
      ran = path.join(' ')
      unknown = (given.at(-1) as Command).args.flatMap((word) => /^--[\w-]+/.exec(word)?.[0] ?? [])
    })
    for (const sub of command.commands) replace(sub, [...path, sub.name()])
  }
  for (const sub of program.commands) replace(sub, [sub.name()])
  const code = await runCommand(program, words, context)
  return { ran, unknown, code, said }
}
