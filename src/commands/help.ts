import { type Command, type Help, Option } from 'commander'
import type { Context } from '../terminal/context.ts'

/** Heading of the flags that many commands share, listed after a command's own. */
export const SHARED = 'Site, hub and folders:'

/** Examples at the end of a command's help, ready to type. For `.addHelpText('after', …)`. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`
}

/** Lists a command's own flags before the shared ones, and subcommands by name only. */
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
 * Accepts the old spelling of a flag for one more version, and warns with the new one.
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
 * Accepts as an argument what is now a flag, for one more version, and warns.
 * @returns the value to use, from the argument or the flag
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
