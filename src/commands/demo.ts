import { resolve } from 'node:path'
import { Command } from 'commander'
import { runDemo } from '../demo/run-demo.ts'
import type { Context } from '../terminal/context.ts'
import { examples } from './help.ts'

/** `ocs demo`: a whole lab on this machine, simulated instruments and all, each role the ordinary command. */
export function demoCommand(context: Context): Command {
  return new Command('demo')
    .description('Run a demo lab on this machine: simulated instruments, hub, recorder, data nodes, bridge.')
    .option('--idle', 'start everything, but wait for ocs ctrl start before reading')
    .option('--dir <folder>', 'where the demo keeps its state, data and logs', '.demo')
    .addHelpText('after', examples('ocs demo', 'ocs demo --idle', 'ocs demo --dir=/tmp/lab'))
    .action((options: { idle?: boolean; dir: string }) =>
      runDemo(context, options.idle === true, resolve(options.dir)),
    )
}
