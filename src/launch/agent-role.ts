import { resolve } from 'node:path'
import type { Agent } from '../core/agent.ts'
import { type Argument, settingLines } from '../core/arguments/agent-arguments.ts'
import { ConfigError, messageOf, UsageError } from '../core/errors.ts'
import { traceTo } from '../instrument/transport/trace.ts'
import { checkArguments } from '../launch/check-arguments.ts'
import { chooseSite, type SiteOptions } from '../launch/choose-site.ts'
import { declarationOf } from '../launch/declared-instances.ts'
import { importAgent } from '../launch/own-module.ts'
import { stateDir, tightenState } from '../launch/places.ts'
import { serveRole } from '../launch/role.ts'
import { findHost, findInstance } from '../site/find.ts'
import type { Context } from '../terminal/context.ts'
import { createLog, type Log, type LogFormat } from '../terminal/log.ts'

/** Flags that choose the instance to run. */
export interface AgentFlags extends SiteOptions {
  readonly instanceId?: string
  readonly module?: string
  /** The instance's program has started this process and communicates with it. */
  readonly attached?: boolean
}

/**
 * The instance that the flags and the site file name, with its declaration.
 * @throws ConfigError when the site file does not have it, or there is no site file
 */
export async function findRole(flags: AgentFlags, context: Context, classes?: readonly string[]) {
  const chosen = await chooseSite(flags, context, createLog(context, flags.logFormat ?? 'text'))
  if (!chosen.site) {
    throw new ConfigError(
      'no site file: pass --site-file=FILE, or set OCS_CONFIG_DIR to the folder of default.yaml',
    )
  }
  const host = findHost(chosen.site, flags.siteHost)
  const instance = findInstance(chosen.site, host, {
    ...(flags.instanceId !== undefined && { instanceId: flags.instanceId }),
    ...(classes && { classes }),
  })
  const own = flags.module && { name: flags.module, folder: process.cwd() }
  const agent = await (own ? importAgent(own) : declarationOf(instance, context.env))
  if (agent.spec.readsAlarms && chosen.site.alarmFaults.length > 0)
    throw new ConfigError(chosen.site.alarmFaults.join('\n'))
  return { agent, host, instance, chosen }
}

export interface AgentRole {
  readonly agent: Agent
  readonly instance: string
  readonly siteArguments: readonly Argument[]
  readonly given: readonly string[]
  readonly flags: SiteOptions & { readonly stateDir?: string; readonly logDir?: string }
  readonly context: Context
  /** Starts the program that the agent represents. */
  readonly start?: (state: string, log: Log) => Promise<Agent>
  /** `log-dir` of the host in the site file. */
  readonly logDir?: string | undefined
}

/** Checks an agent's arguments, logs which come from the site file, and runs it. */
export async function runAgentRole(role: AgentRole): Promise<void> {
  const { agent, instance, siteArguments, given, context, start } = role
  const { common, rest, notes, faults, values } = checkArguments(agent, siteArguments, given, context.env)
  const flags = { ...optionsOf(common), ...role.flags }
  if (faults.length > 0 || !values) throw argumentError(instance, faults)
  if (common['working_dir'] !== undefined) enter(common['working_dir'])
  const state = stateDir(flags.stateDir, context.env)
  const silent: Log = () => {}
  const site = await chooseSite(flags, context, silent)
  // The supervisor of this role may keep its log.
  const logFile =
    context.env['OCS_LOG_FILE'] === 'none'
      ? undefined
      : resolve(flags.logDir ?? role.logDir ?? `${state}/logs`, `${site.root}.${instance}.log`)
  const log = createLog(context, (flags.logFormat ?? 'text') as LogFormat, logFile)
  if (!agent.spec.isProgram) for (const line of settingLines(rest)) log(line, { bare: true })
  for (const note of notes) log(note)
  log(`starting ${agent.spec.class} as ${site.root}.${instance}${logFile ? `; log: ${logFile}` : ''}`)
  tightenState(state, site.root, context.env, log)
  traceTo(common['trace'] === 'true' ? log : undefined)
  agent.spec.check?.(values as never, log)
  const filesDir = common['files_dir'] ?? context.env['OCS_CONFIG_DIR']
  const running = (await start?.(state, log)) ?? agent
  await serveRole({ agent: running, args: values, instance, site, stateDir: state, filesDir }, context, log)
}

function enter(folder: string): void {
  try {
    process.chdir(folder)
  } catch (cause) {
    throw new ConfigError(`--working-dir ${folder}: ${messageOf(cause)}`, { cause })
  }
}

/** An error for invalid arguments: of the site file if they have positions, otherwise of the command line. */
export function argumentError(instance: string, wrong: readonly string[]): Error {
  const text = wrong.join('\n')
  return /^\S+:\d+:\d+: /.test(text) ? new ConfigError(text) : new UsageError(`${instance}: ${text}`)
}

/** Common flags under commander's names: `site_hub` → `siteHub`. */
function optionsOf(common: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(common).map(([key, value]) => [
      key.replaceAll(/_(\w)/g, (_, c: string) => c.toUpperCase()),
      value,
    ]),
  )
}
