import { resolve } from 'node:path'
import { Command } from 'commander'
import type { Agent } from '../core/agent.ts'
import { type Argument, settingLines } from '../core/arguments/agent-arguments.ts'
import { commonFlags } from '../core/arguments/common-flags.ts'
import { ConfigError, messageOf, UsageError } from '../core/errors.ts'
import { traceTo } from '../instrument/transport/trace.ts'
import { findInstance } from '../site/find.ts'
import type { Instance } from '../site/site.ts'
import { agentHelp } from './agent-help.ts'
import { findAgent } from './agents.ts'
import { checkArguments } from './check-arguments.ts'
import type { Context } from './context.ts'
import { createLog, type Log, type LogFormat } from './log.ts'
import { stateDir } from './places.ts'
import { serveRole } from './role.ts'
import { chooseSite, mustBeHost, type SiteOptions, siteFlags } from './site.ts'
import { isManager } from './up-plan.ts'
import { prepareUp, runUp } from './up-run.ts'

/** Flags that say which instance to be. */
export interface AgentFlags extends SiteOptions {
  readonly instanceId?: string
  readonly module?: string
}

/** `ocs agent --instance-id=ls240`: runs one instance of the site file. */
export function agentCommand(context: Context): Command {
  const command = new Command('agent').description('Run an agent: one instance of the site file.')
  return siteFlags(command)
    .option('--instance-id <id>', 'which instance of the site file to be')
    .option('--module <file>', 'a module whose default export declares the agent, in place of a bundled one')
    .option('--state-dir <folder>', String(commonFlags['--state-dir']?.help))
    .option('--log-dir <folder>', String(commonFlags['--log-dir']?.help))
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText(
      'after',
      '\nEach agent takes flags of its own: ocs agent --instance-id=… --help-args lists them.',
    )
    .action((flags: AgentFlags, self: Command) => runInstance(flags, self.args, context))
}

/** Runs an instance by its entry in the site file and what the command line adds; the command line wins. */
export async function runInstance(
  flags: AgentFlags,
  given: readonly string[],
  context: Context,
  classes?: readonly string[],
): Promise<void> {
  const { agent, host, instance } = await findRole(flags, context, classes)
  if (given.includes('--help-args')) {
    context.out(agentHelp(agent))
    return
  }
  if (isManager({ agent_class: agent.spec.class })) {
    // Which is what keeps a host's roles alive, here and under this name on the bus.
    const up = { ...flags, managerFlags: given }
    await runUp(await prepareUp(up, context), up, context)
    return
  }
  await runAgentRole({
    agent,
    instance: instance.instance_id,
    siteArguments: instance.arguments,
    given,
    flags,
    context,
    logDir: host.log_dir,
  })
}

/**
 * The instance that flags and site file name, with its declaration.
 * @throws ConfigError when the site file does not have it, or there is none
 */
export async function findRole(flags: AgentFlags, context: Context, classes?: readonly string[]) {
  const chosen = await chooseSite(flags, context, createLog(context, flags.logFormat ?? 'text'))
  if (!chosen.site) {
    throw new ConfigError(
      'no site file: pass --site-file=FILE, or set OCS_CONFIG_DIR to the folder of default.yaml',
    )
  }
  const host = mustBeHost(chosen.site, flags)
  const instance = findInstance(chosen.site, host, {
    ...(flags.instanceId !== undefined && { instanceId: flags.instanceId }),
    ...(classes && { classes }),
  })
  const agent = await (flags.module ? loadModule(flags.module) : findAgent(classOf(instance)))
  return { agent, host, instance, chosen }
}

export interface AgentRole {
  readonly agent: Agent
  readonly instance: string
  readonly siteArguments: readonly Argument[]
  readonly given: readonly string[]
  readonly flags: SiteOptions & { readonly stateDir?: string; readonly logDir?: string }
  readonly context: Context
  /** `log-dir` of the host in the site file. */
  readonly logDir?: string | undefined
}

/** Checks an agent's arguments, says which come from the site file, and runs it. */
export async function runAgentRole(role: AgentRole): Promise<void> {
  const { agent, instance, siteArguments, given, context } = role
  const { common, rest, notes, faults, values } = checkArguments(agent, siteArguments, given, context.env)
  const flags = { ...optionsOf(common), ...role.flags }
  if (faults.length > 0 || !values) throw argumentError(instance, faults)
  if (common['working_dir'] !== undefined) enter(common['working_dir'])
  const state = stateDir(flags.stateDir, context.env)
  const silent: Log = () => {}
  const site = await chooseSite(flags, context, silent)
  // Whoever runs this role may keep its log.
  const logFile =
    context.env['OCS_LOG_FILE'] === 'none'
      ? undefined
      : resolve(flags.logDir ?? role.logDir ?? `${state}/logs`, `${site.root}.${instance}.log`)
  const log = createLog(context, (flags.logFormat ?? 'text') as LogFormat, logFile)
  for (const line of settingLines(rest)) log(line, { bare: true })
  for (const note of notes) log(note)
  log(`starting ${agent.spec.class} as ${site.root}.${instance}${logFile ? `; log: ${logFile}` : ''}`)
  traceTo(common['trace'] === 'true' ? log : undefined)
  agent.spec.check?.(values as never, log)
  await serveRole({ agent, args: values, instance, site, stateDir: state }, context, log)
}

function enter(folder: string): void {
  try {
    process.chdir(folder)
  } catch (cause) {
    throw new ConfigError(`--working-dir ${folder}: ${messageOf(cause)}`, { cause })
  }
}

/** What is wrong with arguments: of the site file where a place is told, else of the command line. */
export function argumentError(instance: string, wrong: readonly string[]): Error {
  const text = wrong.join('\n')
  return /^\S+:\d+:\d+: /.test(text) ? new ConfigError(text) : new UsageError(`${instance}: ${text}`)
}

function classOf({ agent_class, instance_id, position }: Instance): string {
  if (agent_class !== undefined) return agent_class
  throw new ConfigError(`${position}: instance "${instance_id}" has no agent-class`)
}

/** Common flags by the names commander gives them: `site_hub` → `siteHub`. */
function optionsOf(common: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(common).map(([key, value]) => [
      key.replaceAll(/_(\w)/g, (_, c: string) => c.toUpperCase()),
      value,
    ]),
  )
}

async function loadModule(file: string): Promise<Agent> {
  const { default: agent } = (await import(resolve(file))) as { default?: Agent }
  if (agent?.spec && agent.ops) return agent
  throw new ConfigError(`${file}: its default export is no agent: export default defineAgent({ … })`)
}
