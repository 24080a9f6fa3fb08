import { Command, InvalidArgumentError } from 'commander'
import { type LogFlags, OWN, showLogs } from '../host/role-logs.ts'
import type { Context } from '../terminal/context.ts'
import { upChoiceFlags } from './down.ts'

/** `ocs logs`: what the roles of `ocs up` have logged. */
export function logsCommand(context: Context): Command {
  return upChoiceFlags(new Command('logs').description('Show the logs of what ocs up runs.'))
    .argument('[instance]', `one role only; ${OWN} for the log of ocs up itself`)
    .option('-f, --follow', 'go on with new lines, until ocs up stops')
    .option('-n, --lines <count>', 'how many of the last lines', count, 100)
    .action((instance: string | undefined, flags: LogFlags) => showLogs(instance, flags, context))
}

function count(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError('It has to be a number of lines.')
  return Number(text)
}
