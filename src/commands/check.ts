import { Command, Option } from 'commander'
import { mosquittoAcl, natsAccounts } from '../broker/foreign-rights.ts'
import { brokerUsers } from '../check/broker-users.ts'
import { check } from '../check/check.ts'
import type { CheckFlags } from '../check/finding.ts'
import { ConfigError } from '../core/errors.ts'
import { redact, redactedJson } from '../core/redact.ts'
import { openSite } from '../site/find.ts'
import type { Context } from '../terminal/context.ts'
import { examples, formerly } from './help.ts'
import { hubFlags, withFlags } from './site-flags.ts'

type Given = Omit<CheckFlags, 'bridgeUrl' | 'bridge'> & { readonly bridge: string }

/** Brokers that rights are printed for. */
const printed = { mosquitto: mosquittoAcl, nats: natsAccounts }

/** `ocs check`: finds what would keep this host from running. Exit code 0 healthy, 2 with problems. */
export function checkCommand(context: Context): Command {
  const command = new Command('check').description('Find what would keep this host from running.')
  siteCheckFlags(command).addHelpText(
    'after',
    examples(
      'ocs check',
      'ocs check --site-file=lab.yaml --file-only',
      'ocs check --grafana=http://admin:admin@127.0.0.1:3000 --bridge=http://127.0.0.1:5000',
    ),
  )
  formerly(command, '--bridge-url', '--bridge', context)
  return command.action(async ({ bridge, ...given }: Given) => {
    // `ocs up` has the same flags; there --bridge means to run one.
    const flags: CheckFlags = { ...given, bridgeUrl: bridge }
    if (flags.acl !== undefined) return context.out(await rightsOf(flags.acl, flags, context))
    const findings = await check(flags, context)
    const problems = findings.filter(({ level }) => level === 'problem').length
    if (flags.json) context.out(`${redactedJson({ healthy: problems === 0, findings }, 2)}\n`)
    else
      for (const { check: what, level, text } of findings)
        context.out(redact(`${level.padEnd(8)}${what}: ${text}\n`))
    if (problems > 0) throw new ConfigError(`${problems} ${problems === 1 ? 'problem' : 'problems'} found`)
  })
}

function siteCheckFlags(command: Command): Command {
  return withFlags(hubFlags(command), '--state-dir', '--log-dir')
    .option('--file-only', 'check only the site file, for all hosts, and nothing on this machine')
    .option('--no-instruments', 'do not identify instruments whose agents are not running')
    .option(
      '--grafana <url>',
      'ask Grafana, http://admin:PASSWORD@HOST:3000, why it does not show the bridge',
    )
    .option('--bridge <url>', 'the address of the bridge, as seen from this machine', 'http://127.0.0.1:5000')
    .option('--json', 'as JSON')
    .addOption(
      new Option(
        '--acl <broker>',
        'print access rights for a broker other than ocs hub, from the site file',
      ).choices(Object.keys(printed)),
    )
}

/** The access rights of a site's users in the syntax of another broker. @throws ConfigError without a usable site file */
async function rightsOf(broker: keyof typeof printed, flags: CheckFlags, context: Context): Promise<string> {
  const site = await openSite({ ...flags, configDir: context.env['OCS_CONFIG_DIR'] })
  const about = `# Who may what at ${site.hub.address_root}, by ${site.file}: ocs check --acl ${broker}\n`
  const users = brokerUsers(site)
  if (users.some(({ name }) => name === undefined))
    context.err(
      `rights for whoever comes: ${site.file} has no mqtt_user for all of its hosts. Name one, with mqtt_password_file, in "hub" or in the host\n`,
    )
  return about + printed[broker](site.hub.address_root, users)
}
