import { Command } from 'commander'
import type { SiteOptions } from '../../launch/choose-site.ts'
import { joinLab, type WithLab } from '../../launch/join-lab.ts'
import type { Context } from '../../terminal/context.ts'
import { examples } from '../help.ts'
import { addNamed, type Loaders } from '../load-named.ts'
import { labFlags } from '../site-flags.ts'
import type { OpAction } from './op.ts'

/** Makes a command of `ocs ctrl`, on whatever lab it is lent. */
type Create = (context: Context, withLab: WithLab) => Command

const op = (action: OpAction) => async (): Promise<Create> => {
  const { opCommand } = await import('./op.ts')
  return (context, withLab) => opCommand(action, context, withLab)
}

/** Every command by its name; a new one is a file and a line here. */
const commands: Loaders<Create> = {
  ls: async () => (await import('./ls.ts')).lsCommand,
  status: async () => (await import('./status.ts')).statusCommand,
  start: op('start'),
  stop: op('stop'),
  abort: op('abort'),
  wait: op('wait'),
  history: async () => (await import('./history.ts')).historyCommand,
  alarms: async () => (await import('./alarms.ts')).alarmsCommand,
  lock: async () => (await import('./lock.ts')).lockCommand,
  unlock: async () => (await import('./lock.ts')).unlockCommand,
  note: async () => (await import('./note.ts')).noteCommand,
  forget: async () => (await import('./forget.ts')).forgetCommand,
  listen: async () => (await import('./listen.ts')).listenCommand,
}
/** With the shell, which lends the others its lab. */
const all: Loaders<Create> = { ...commands, shell: async () => shellCommand }

/** `ocs ctrl`: starts, stops and asks operations of running agents, and shows what they do and say. */
export function ctrlCommand(context: Context, [, name]: readonly string[]): Promise<Command> {
  return named(all, name, context, joinLab)
}

function shellCommand(context: Context, withLab: WithLab): Command {
  return labFlags(new Command('shell'))
    .description('Type these commands without "ocs ctrl"; tab completes.')
    .addHelpText('after', examples('ocs ctrl shell', 'ocs ctrl shell < commands.txt'))
    .action(async (flags: SiteOptions) => {
      const { shell } = await import('./shell.ts')
      const create = (own: Context, lend: WithLab, name?: string) => named(commands, name, own, lend)
      await withLab(flags, context, (on) => shell(on, create, context))
    })
}

async function named(
  loaders: Loaders<Create>,
  name: string | undefined,
  context: Context,
  withLab: WithLab,
): Promise<Command> {
  const command = new Command('ctrl')
    .description('Control running agents.')
    .addHelpText(
      'after',
      examples('ocs ctrl ls', 'ocs ctrl start', 'ocs ctrl stop --target=ls240', 'ocs ctrl status ls240 acq'),
    )
  await addNamed(command, loaders, name, (create) => create(context, withLab))
  return command
}
