import { type Command, type Help, Option } from 'commander'
import type { Context } from '../terminal/context.ts'

/** The heading of the flags that many commands share, which stand behind a command's own. */
export const SHARED = 'Site, hub and folders:'

/** What a command's help ends with: lines that can be typed as they stand. For `.addHelpText('after', …)`. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`
}

/** Puts a command's own flags before those that many share, and lists commands by their names alone. */
export const ownFirst: Partial<Help> = {
  subcommandTerm: (command) => command.name(),
  groupItems(_all, visible, groupOf) {
    const groups = Map.groupBy(visible, groupOf)
    const shared = groups.get(SHARED)
    groups.delete(SHARED)
    return shared ? groups.set(SHARED, shared) : groups
  },
}

/**
 * Takes a flag's former spelling, too, for one version, and says how it is spelt now.
 * @param now a flag that the command has; both with their dashes
 */
export function formerly(command: Command, old: string, now: string, { err }: Context): Command {
  const heard = (flag: string) => `option:${flag.slice(2)}`
  command.addOption(new Option(`${old} <value>`).hideHelp())
  // commander is an emitter of these events, whatever its types say.
  const emitter = command as Command & Pick<NodeJS.EventEmitter, 'emit'>
  return command.on(heard(old), (value: string) => {
    err(`warning: ${old} is ${now} now; the next version does not know ${old}\n`)
    emitter.emit(heard(now), value)
  })
}

/**
 * Takes what is a flag now as an argument, too, for one version, and says so.
 * @returns the value that an action goes by, of the argument and of the flag
 */
export function formerArgument(
  command: Command,
  now: string,
  { err }: Context,
): (argument: string | undefined, flag: string | undefined) => string | undefined {
  command.argument('[former]').usage('[options]')
  return (argument, flag) => {
    if (argument === undefined) return flag
    err(`warning: ${argument} stands behind ${now} now; the next version takes no argument here\n`)
    return flag ?? argument
  }
}
