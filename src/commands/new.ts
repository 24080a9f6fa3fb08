import { Command } from 'commander'
import { beginInstrument } from '../scaffold/instrument-files.ts'
import type { Context } from '../terminal/context.ts'
import { examples } from './help.ts'

/** `ocs new instrument NAME`: writes a declaration, a dialog and a test that pass as they are, to be changed. */
export function newCommand(context: Context): Command {
  const command = new Command('new')
    .description('Start an instrument of your own.')
    .addHelpText('after', examples('ocs new instrument pressure-gauge'))
  command
    .command('instrument')
    .description('Write a declaration of an instrument, a dialog and a test; the test passes as it is.')
    .argument('<name>', 'its name, in lower case with hyphens: pressure-gauge')
    .option('-o, --out <folder>', 'the folder; by default src/agents in a clone of ocs, elsewhere this one')
    .addHelpText('after', examples('ocs new instrument pressure-gauge'))
    .action((name: string, { out }: { out?: string }) => begin(name, out, context))
  return command
}

function begin(name: string, out: string | undefined, context: Context): void {
  const { files, test, inside, block } = beginInstrument(name, out)
  for (const path of files) context.out(`${path}\n`)
  context.err(
    inside
      ? `It is named in src/launch/agents.ts. Next: npm test -- ${test}; docs: CONTRIBUTING.md\n`
      : `Next: ocs test ${test}\n`,
  )
  const where = inside ? '' : ', in a file beside it (or with the path from there as module)'
  context.err(
    `In a site file under agent-instances${where}; the data node shows its readings on the page:\n\n${block}`,
  )
}
