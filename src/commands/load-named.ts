import type { Command } from 'commander'

/** Loaders of commands by name, so that only the command in use is loaded. */
export type Loaders<C> = Readonly<Record<string, () => Promise<C>>>

/**
 * Adds the subcommand of this name; if there is none, all of them, for help, completion and did-you-mean.
 * @param declare turns what was loaded into a command
 * @returns whether it added all
 */
export async function addNamed<C>(
  to: Command,
  loaders: Loaders<C>,
  name: string | undefined,
  declare: (create: C) => Command | Promise<Command>,
): Promise<boolean> {
  const own = name !== undefined && Object.hasOwn(loaders, name) ? loaders[name] : undefined
  const creates = await Promise.all(own ? [own()] : Object.values(loaders).map((load) => load()))
  for (const create of creates) to.addCommand(await declare(create))
  return own === undefined
}
