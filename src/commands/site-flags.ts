import { type Command, Option } from 'commander'
import { commonFlags } from '../core/arguments/common-flags.ts'
import { SHARED } from './help.ts'

/** The values of the common flags of commands. */
const takes = {
  '--site': 'name',
  '--site-file': 'file',
  '--site-host': 'name',
  '--site-hub': 'url',
  '--site-realm': 'name',
  '--address-root': 'name',
  '--state-dir': 'folder',
  '--log-dir': 'folder',
} as const

/** Adds flags that every agent takes, to a command that takes them, too. */
export function withFlags(command: Command, ...flags: (keyof typeof takes)[]): Command {
  for (const flag of flags)
    command.addOption(new Option(`${flag} <${takes[flag]}>`, commonFlags[flag]?.help).helpGroup(SHARED))
  return command
}

/** Adds the flags that choose site and hub. */
export function siteFlags(command: Command): Command {
  return withFlags(hubFlags(command), '--site-realm', '--address-root').addOption(
    new Option('--log-format <format>', 'how log lines are written')
      .choices(['text', 'json'])
      .default('text')
      .helpGroup(SHARED),
  )
}

/** Adds those of a command that joins the lab for as long as it works. */
export function labFlags(command: Command): Command {
  return siteFlags(command).addOption(
    new Option('-v, --verbose', 'log which hub is joined, and as whom').helpGroup(SHARED),
  )
}

/** Adds those of a command that only reads. */
export function hubFlags(command: Command): Command {
  return withFlags(command, '--site', '--site-file', '--site-host', '--site-hub')
}

/** Adds those of a command that is a role: where it keeps and logs, and room for flags of its agent. */
export function roleFlags(command: Command): Command {
  return withFlags(siteFlags(command), '--state-dir', '--log-dir').allowUnknownOption().allowExcessArguments()
}
