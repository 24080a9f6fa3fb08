import { Command } from 'commander'
import { type ReportFlags, report } from '../keeping/report.ts'
import type { Context } from '../terminal/context.ts'
import { examples } from './help.ts'
import { hubFlags, withFlags } from './site-flags.ts'

/** `ocs report`: what a maintainer needs, without secrets. */
export function reportCommand(context: Context): Command {
  const command = new Command('report').description(
    'Collect what a maintainer needs to find a fault, without secrets.',
  )
  return withFlags(hubFlags(command), '--state-dir', '--log-dir')
    .option('-o, --out <file>', 'where to write it: a .tar.gz, or a folder (ocs-report-HOST-TIME.tar.gz)')
    .option('--no-instruments', 'do not identify instruments whose agents are not running')
    .addHelpText('after', examples('ocs report', 'ocs report --out=report.tar.gz --site-file=lab.yaml'))
    .action(async (flags: ReportFlags) => {
      const where = await report(flags, context)
      context.out(`wrote ${where}: read it before you send it\n`)
    })
}
