import { Command } from 'commander'
import { UsageError } from '../core/errors.ts'
import { nodeInstance } from '../datanode/node-instance.ts'
import { runAgentRole } from '../launch/agent-role.ts'
import { findAgent, nodeClasses } from '../launch/agents.ts'
import { chooseSite, namesSite, type SiteOptions } from '../launch/choose-site.ts'
import type { Context } from '../terminal/context.ts'
import { runInstance } from './agent.ts'
import { examples } from './help.ts'
import { roleFlags } from './site-flags.ts'

interface NodeFlags extends SiteOptions {
  readonly instanceId?: string
}
/** A kind of data node as `ocs datanode` spells it. */
interface Kind {
  readonly agentClass: string
  readonly help: string
  /** sisock's environment variables for its flags. */
  readonly env: Readonly<Record<string, string>>
  readonly examples: readonly string[]
  /** Its name when neither flag nor variable gives one. */
  readonly name?: string
}

const named = { NAME: '--name', DESCRIPTION: '--description' }
const kinds: Readonly<Record<string, Kind>> = {
  thermometry: {
    agentClass: nodeClasses.thermometry,
    help: 'Serve the last hour of an agent’s feed.',
    examples: ['ocs datanode thermometry --target=ls240 --name=LSA21OQ'],
    env: { ...named, TARGET: '--target', FEED: '--feed', BUFFER_TIME: '--buffer-time' },
  },
  sensors: {
    agentClass: nodeClasses.sensors,
    help: 'Serve this computer’s temperatures, load and memory.',
    examples: ['ocs datanode sensors'],
    env: named,
    name: 'sensors',
  },
  weather: {
    agentClass: nodeClasses.weather,
    help: 'Serve a weather archive in the APEX text format.',
    examples: ['ocs datanode weather --shift-to-now'],
    env: named,
    name: 'weather',
  },
  archive: {
    agentClass: nodeClasses.archive,
    help: 'Serve the .g3 files of a recorder, or any folder of them.',
    examples: ['ocs datanode archive --data-dir=/data/hk'],
    env: { ...named, DATA_DIR: '--data-dir' },
    name: 'archive',
  },
}

/** `ocs datanode KIND`: what Grafana draws comes from here, by way of the bridge. */
export function datanodeCommand(context: Context): Command {
  const command = new Command('datanode')
    .description('Run a data node: live data for the bridge.')
    .addHelpText('after', examples('ocs datanode thermometry --target=ls240 --name=LSA21OQ'))
  for (const [name, kind] of Object.entries(kinds)) {
    const variables = Object.entries(kind.env).map(([variable, flag]) => `${flag} or ${variable}`)
    roleFlags(command.command(name).description(kind.help))
      .option(
        '--instance-id <id>',
        'instance-id, instead of node-NAME; takes the arguments of that instance if the site file has it',
      )
      .addHelpText('after', `\nTakes ${variables.join(', ')}.`)
      .addHelpText('after', examples(...kind.examples))
      .action((flags: NodeFlags, self: Command) => runNode(kind, name, flags, self.args, context))
  }
  return command
}

async function runNode(
  kind: Kind,
  kindName: string,
  flags: NodeFlags,
  args: readonly string[],
  context: Context,
): Promise<void> {
  const agent = await findAgent(kind.agentClass)
  const has = (flag: string) => args.some((word) => word === flag || word.startsWith(`${flag}=`))
  const fromEnv = Object.entries(kind.env).flatMap(([variable, flag]) => {
    const value = context.env[variable]
    return value && !has(flag) ? [`${flag}=${value}`] : []
  })
  const given = [...fromEnv, ...args]
  if (flags.instanceId !== undefined && (await isDeclared(flags.instanceId, flags, context)))
    return runInstance(flags, given, context, [kind.agentClass])
  if (kind.name !== undefined && !given.some((word) => word.startsWith('--name')))
    given.push(`--name=${kind.name}`)
  const name = flagValue(given, '--name')
  if (name === undefined) {
    throw new UsageError(
      `ocs datanode ${kindName}: --name (or NAME) is the first part of its metric names: --name=LSA21OQ`,
    )
  }
  const instance = flags.instanceId ?? nodeInstance(name)
  await runAgentRole({ agent, instance, siteArguments: [], given, flags, context })
}

/** Whether the site file has this instance. */
async function isDeclared(id: string, flags: SiteOptions, context: Context): Promise<boolean> {
  if (!namesSite(flags, context.env)) return false
  const { site } = await chooseSite(flags, context, () => {})
  return [...(site?.hosts.values() ?? [])].some(({ instances }) =>
    instances.some(({ instance_id }) => instance_id === id),
  )
}

function flagValue(words: readonly string[], flag: string): string | undefined {
  const at = words.findLastIndex((word) => word === flag || word.startsWith(`${flag}=`))
  const word = words[at]
  return word === flag ? words[at + 1] : word?.slice(flag.length + 1)
}
