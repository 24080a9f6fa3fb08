import { join, resolve } from 'node:path'
import { Command, Option } from 'commander'
import type { Agent } from '../core/agent.ts'
import { messageOf, UsageError } from '../core/errors.ts'
import type { Shown } from '../core/shown-node.ts'
import { type DialectName, dialectNames } from '../grafana/dialects.ts'
import { filesOf } from '../grafana/files.ts'
import { writeWhole } from '../grafana/write-whole.ts'
import { shownLab } from '../lab/shown-lab.ts'
import { findAgent } from '../launch/agents.ts'
import { chooseSite, type SiteOptions } from '../launch/choose-site.ts'
import { type OtherSite, otherSites } from '../launch/connect-sites.ts'
import { declaredInstances } from '../launch/declared-instances.ts'
import { answers } from '../machine/probe.ts'
import type { Context } from '../terminal/context.ts'
import { createLog, type Log } from '../terminal/log.ts'
import { examples } from './help.ts'
import { siteFlags } from './site-flags.ts'

interface ProvisionFlags extends SiteOptions {
  readonly out: string
  readonly dialect?: DialectName
  readonly bridge: string
  readonly mountedAt?: string
  readonly tokenFile?: string
  readonly caFile?: string
}

/** `ocs grafana`: Grafana without clicks. */
export function grafanaCommand(context: Context): Command {
  const command = new Command('grafana')
    .description('Set up Grafana without clicks.')
    .addHelpText('after', examples('ocs grafana provision --out=grafana --site-file=lab.yaml'))
  siteFlags(
    command
      .command('provision')
      .description('Write data sources, dashboards and alert rules into a folder for Grafana to read.'),
  )
    .requiredOption('-o, --out <folder>', 'the folder to write, for Grafana’s provisioning')
    .addOption(
      new Option('--dialect <dialect>', 'gone in the next version: graphite needs no plugin').choices(
        dialectNames,
      ),
    )
    .option('--bridge <url>', 'the bridge, as Grafana reaches it', 'http://127.0.0.1:5000')
    .option('--mounted-at <folder>', 'path of the folder as Grafana sees it; the same path by default')
    .option(
      '--token-file <file>',
      'path of the token of user grafana, as Grafana sees it, for a bridge that needs one',
    )
    .option('--ca-file <file>', 'path of the bridge’s CA certificate, as Grafana sees it')
    .addHelpText(
      'after',
      '\nIt uses the site file and, if the hub answers, the running agents. Writing again keeps all URLs.',
    )
    .addHelpText(
      'after',
      examples(
        'ocs grafana provision --out=/etc/grafana/ocs --site-file=lab.yaml',
        'ocs grafana provision --out=grafana --bridge=https://hub.example.edu:5000',
      ),
    )
    .action((flags: ProvisionFlags) => provision(flags, context))
  return command
}

async function provision(flags: ProvisionFlags, context: Context): Promise<void> {
  const { protocol } = URL.parse(flags.bridge) ?? {}
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new UsageError(`--bridge ${flags.bridge} is not a URL such as http://127.0.0.1:5000`)
  if (flags.dialect !== undefined) context.err(`warning: ${former(flags.dialect)}\n`)
  const log = createLog(context, flags.logFormat ?? 'text')
  const { site, url, root, credentials } = await chooseSite(flags, context, log)
  const declaration = (agentClass: string) => findAgent(agentClass).catch(() => undefined)
  const instances = site && (await declaredInstances(site, context.env))
  const lab = await shownLab({
    url,
    credentials,
    root,
    hubAnswers: await answers(url),
    instances,
    declaration,
    log,
  })
  const others = await Promise.all(otherSites(site).map((one) => nodesOf(one, declaration, log)))
  const out = resolve(flags.out)
  const files = filesOf([...lab, ...others.flat()], {
    dialect: flags.dialect ?? 'graphite',
    bridge: flags.bridge.replace(/\/+$/, ''),
    mountedAt: (flags.mountedAt ?? out).replace(/\/+$/, ''),
    tokenFile: flags.tokenFile,
    caFile: flags.caFile,
  })
  for (const [path, text] of files) {
    writeWhole(join(out, path), text)
    context.out(`${join(flags.out, path)}\n`)
  }
}

/** What is said of a dialect that is asked for, which the next version does not do. */
function former(dialect: DialectName): string {
  const next = 'the next version does not know --dialect'
  if (dialect === 'graphite') return `${next}: leave it out, graphite is what it writes`
  return (
    `${next}, and writes no dashboards for ${dialect}: leave it out, and they ask Graphite, which is built into Grafana; ` +
    `dashboards of your own that ask ${dialect} go on`
  )
}

/** The data nodes of another site, under its name; if its hub does not answer, none and a warning. */
async function nodesOf(
  { name: site, url, root, credentials }: OtherSite,
  declaration: (agentClass: string) => Promise<Agent | undefined>,
  log: Log,
): Promise<Shown[]> {
  try {
    const from = { url, root, credentials, hubAnswers: true, instances: undefined, declaration }
    const nodes = await shownLab({ ...from, log: (text) => log(`site ${site}: ${text}`) })
    return nodes.map(({ name, instance, ...node }) => {
      return { ...node, name: `${site}/${name}`, instance: instance && `${site}/${instance}` }
    })
  } catch (error) {
    log(`site ${site}: ${messageOf(error)}; its dashboards come when this is run again`)
    return []
  }
}
