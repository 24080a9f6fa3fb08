import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Command, Option } from 'commander'
import { ConfigError, messageOf, UsageError } from '../core/errors.ts'
import { type DialectName, dialectNames } from '../grafana/dialects.ts'
import { filesOf } from '../grafana/files.ts'
import type { Context } from './context.ts'
import { shownLab } from './grafana-lab.ts'
import { createLog } from './log.ts'
import { type SiteOptions, siteFlags } from './site.ts'

interface ProvisionFlags extends SiteOptions {
  readonly out: string
  readonly dialect: DialectName
  readonly bridge: string
  readonly mountedAt?: string
}

/** `ocs grafana`: Grafana without clicks. */
export function grafanaCommand(context: Context): Command {
  const command = new Command('grafana').description('Set up Grafana without clicks.')
  siteFlags(
    command
      .command('provision')
      .description('Write data sources, dashboards and alert rules into a folder for Grafana to read.'),
  )
    .requiredOption('--out <folder>', 'the folder to write, for Grafana’s provisioning')
    .addOption(
      new Option('--dialect <dialect>', 'what the dashboards ask; only graphite needs no plugin')
        .choices(dialectNames)
        .default('graphite'),
    )
    .option('--bridge <url>', 'the bridge, as Grafana reaches it', 'http://127.0.0.1:5000')
    .option('--mounted-at <folder>', 'where Grafana finds the folder; where it is, when not given')
    .addHelpText(
      'after',
      '\nReads the site file and, if the hub answers, what runs. Written again, everything keeps its address.',
    )
    .action((flags: ProvisionFlags) => provision(flags, context))
  return command
}

async function provision(flags: ProvisionFlags, context: Context): Promise<void> {
  const { protocol } = URL.parse(flags.bridge) ?? {}
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new UsageError(`--bridge ${flags.bridge} is no URL: such as http://127.0.0.1:5000`)
  const log = createLog(context, flags.logFormat ?? 'text')
  const lab = await shownLab(flags, context, log)
  const out = resolve(flags.out)
  const files = filesOf(lab, {
    dialect: flags.dialect,
    bridge: flags.bridge.replace(/\/+$/, ''),
    mountedAt: (flags.mountedAt ?? out).replace(/\/+$/, ''),
  })
  for (const [path, text] of files) {
    write(join(out, path), text)
    context.out(`${join(flags.out, path)}\n`)
  }
}

/** Writes a file as a whole: Grafana looks at any time. */
function write(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
  } catch (cause) {
    throw new ConfigError(
      `${path} cannot be written: ${messageOf(cause)}: choose another folder with --out`,
      {
        cause,
      },
    )
  }
}
