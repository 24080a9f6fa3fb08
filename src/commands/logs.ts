import { Command } from 'commander'
import { z } from 'zod'
import { numberFlag } from '../core/arguments/number-flag.ts'
import { type LogFlags, OWN, showLogs } from '../host/role-logs.ts'
import type { Context } from '../terminal/context.ts'
import { upChoiceFlags } from './down.ts'
import { examples, formerly } from './help.ts'

/** `ocs logs`: what the roles of `ocs up` have logged. */
export function logsCommand(context: Context): Command {
  const command = upChoiceFlags(new Command('logs').description('Show the logs of what ocs up runs.'))
    .argument('[instance]', `one role only; ${OWN} for the log of ocs up itself`)
    .option('-f, --follow', 'keep showing new lines until ocs up stops')
    .option('-n, --limit <count>', 'number of lines to show', lines, 100)
    .addHelpText('after', examples('ocs logs', 'ocs logs ls240 --follow', 'ocs logs -n 20'))
    .action((instance: string | undefined, flags: LogFlags) => showLogs(instance, flags, context))
  return formerly(command, '--lines', '--limit', context)
}

const lines = numberFlag('--limit', z.int().min(0).max(10_000_000), 'a number of lines')
