import type { Command } from 'commander'

/** What declares each of several commands, by its name: what is not asked for is not loaded. */
export type Loaders<C> = Readonly<Record<string, () => Promise<C>>>

/**
 * Adds the subcommand of a name; where there is none, all of them, which help, completion and what is misspelt are about.
 * @param declare makes a command of what was loaded
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
