import { Command } from 'commander'
import { runOwnTest } from '../launch/own-test.ts'
import type { Context } from '../terminal/context.ts'
import { examples } from './help.ts'

/** `ocs test FILE`: runs the test of an instrument outside ocs. */
export function testCommand(context: Context): Command {
  return new Command('test')
    .description('Run the test of an instrument of your own, with the Bun of ocs.')
    .argument('<file>', 'the test, or the module beside it: ion-gauge.ts for ion-gauge.test.ts')
    .argument('[words...]', 'flags of bun test')
    .passThroughOptions()
    .allowUnknownOption()
    .addHelpText('after', examples('ocs test pressure-gauge.ts'))
    .action((file: string, words: string[]) => runOwnTest(file, words, context))
}
