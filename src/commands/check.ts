import { resolve } from 'node:path'
import { Command } from 'commander'
import type { Finding } from '../check/finding.ts'
import { checkFolders } from '../check/folders.ts'
import { checkGrafana } from '../check/grafana.ts'
import { checkHub } from '../check/hub.ts'
import { checkInstruments } from '../check/instruments.ts'
import { checkSite } from '../check/site-file.ts'
import { commonFlags } from '../core/arguments/common-flags.ts'
import { ConfigError, UsageError } from '../core/errors.ts'
import type { UpFlags } from '../host/up-run.ts'
import { siteFile } from '../site/find.ts'
import type { Context } from '../terminal/context.ts'

interface CheckFlags extends UpFlags {
  readonly json?: boolean
  readonly fileOnly?: boolean
  /** `--no-instruments` */
  readonly instruments: boolean
  readonly grafana?: string
  readonly bridgeUrl: string
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
    .option('--file-only', 'look at the site file alone, of all hosts, and at nothing of this machine')
    .option('--no-instruments', 'do not ask instruments whose agents do not run who they are')
    .option(
      '--grafana <url>',
      'ask Grafana, http://admin:PASSWORD@HOST:3000, why it does not show the bridge',
    )
    .option('--bridge-url <url>', 'where the bridge is for this machine', 'http://127.0.0.1:5000')
    .option('--json', 'as JSON')
}

async function check(flags: CheckFlags, context: Context): Promise<Finding[]> {
  const configDir = context.env['OCS_CONFIG_DIR']
  const grafana =
    flags.grafana === undefined ? [] : await grafanaFindings(flags.grafana, flags.bridgeUrl, context)
  const named = flags.siteFile ?? flags.site ?? configDir
  if (flags.grafana !== undefined && !named) return grafana
  const file = resolve(siteFile({ ...flags, configDir }))
  const { findings, site, host } = await checkSite(file, flags, context)
  if (!site || !host) return [...findings, ...grafana]
  const folders = checkFolders(host, flags, context)
  const lab = await checkHub(site, host, flags)
  const instruments = flags.instruments ? await checkInstruments(host, lab.instances, context) : []
  return [...findings, ...lab.findings, ...folders, ...instruments, ...grafana]
}

function grafanaFindings(grafana: string, bridge: string, context: Context): Promise<Finding[]> {
  for (const [flag, url] of [
    ['--grafana', grafana],
    ['--bridge-url', bridge],
  ] as const) {
    if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
      throw new UsageError(
        `${flag} ${url} is no URL: such as http://127.0.0.1:${flag === '--grafana' ? 3000 : 5000}`,
      )
  }
  return checkGrafana(grafana, bridge, context)
}
