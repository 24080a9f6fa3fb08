import { resolve } from 'node:path'
import { Command } from 'commander'
import { commonFlags } from '../core/common-flags.ts'
import { ConfigError } from '../core/errors.ts'
import { siteFile } from '../site/find.ts'
import { checkInstruments } from './check-instruments.ts'
import { checkFolders, checkHub } from './check-machine.ts'
import { checkSite } from './check-site.ts'
import type { Context } from './context.ts'
import type { UpFlags } from './up-run.ts'

/** One thing that was looked at, and what was found. */
export interface Finding {
  /** What was looked at: `site file`, `hub`, `clock`, `folders`. */
  readonly check: string
  /** A `note` is worth knowing and no problem. */
  readonly level: 'ok' | 'note' | 'problem'
  readonly text: string
}
interface CheckFlags extends UpFlags {
  readonly json?: boolean
  readonly instruments?: boolean
}

/** `ocs check`: finds what would keep this host from running. Exit code 0 healthy, 2 with problems. */
export function checkCommand(context: Context): Command {
  const command = new Command('check').description('Find what would keep this host from running.')
  return siteCheckFlags(command).action(async (flags: CheckFlags) => {
    const findings = await check(flags, context)
    const problems = findings.filter(({ level }) => level === 'problem').length
    if (flags.json) context.out(`${JSON.stringify({ healthy: problems === 0, findings }, undefined, 2)}\n`)
    else
      for (const { check: what, level, text } of findings) context.out(`${level.padEnd(8)}${what}: ${text}\n`)
    if (problems > 0) throw new ConfigError(`${problems} ${problems === 1 ? 'problem' : 'problems'} found`)
  })
}

function siteCheckFlags(command: Command): Command {
  return command
    .option('--site <name>', 'the site file $OCS_CONFIG_DIR/NAME.yaml instead of default.yaml')
    .option('--site-file <file>', 'the site file')
    .option('--site-host <name>', 'the host of the site file to be, instead of this machine’s host name')
    .option('--site-hub <url>', 'the address of the hub, mqtt://HOST:PORT or ws://HOST:PORT/PATH')
    .option('--state-dir <folder>', String(commonFlags['--state-dir']?.help))
    .option('--log-dir <folder>', String(commonFlags['--log-dir']?.help))
    .option('--instruments', 'ask each instrument who it is, which takes its port for a moment')
    .option('--json', 'as JSON')
}

async function check(flags: CheckFlags, context: Context): Promise<Finding[]> {
  const file = resolve(siteFile({ ...flags, configDir: context.env['OCS_CONFIG_DIR'] }))
  const { findings, site, host } = await checkSite(file, flags, context)
  if (!site || !host) return findings
  const instruments = flags.instruments ? await checkInstruments(host, context) : []
  return [
    ...findings,
    ...(await checkHub(site, host, flags)),
    ...checkFolders(host, flags, context),
    ...instruments,
  ]
}
