import type { Agent } from '../core/agent.ts'
import { ConfigError, messageOf } from '../core/errors.ts'
import type { Expected } from '../lab/expected.ts'
import type { Instance } from '../site/instances.ts'
import type { Site } from '../site/site.ts'
import type { Context } from '../terminal/context.ts'
import { findAgent, UnknownClassError } from './agents.ts'
import { checkInstanceArguments } from './check-arguments.ts'
import { importAgent } from './own-module.ts'
import { isProgram, pluginsOf, pythonOf, standIn } from './programs.ts'

/** An instance with the declaration of its class and its checked arguments, if available. */
export interface DeclaredInstance {
  readonly instance: Instance
  /** Undefined for a class that is not known here, and for a module that cannot be used. */
  readonly agent: Agent | undefined
  /** Whether its class is neither ours nor a misspelling of ours. */
  readonly isForeign: boolean
  /** Undefined if they are invalid. */
  readonly values: Readonly<Record<string, unknown>> | undefined
}

/**
 * The declaration of an instance's class: from its module, or else the bundled one.
 * @throws ConfigError when there is none, with a position when the entry itself is at fault;
 *   UnknownClassError for a class that does not exist here
 */
export async function declarationOf(instance: Instance, env: Context['env'] = process.env): Promise<Agent> {
  const { agent_class, instance_id, module, position } = instance
  if (isProgram(instance)) return standIn(agent_class ?? instance_id)
  if (!module) {
    if (agent_class !== undefined) return await oursOrPython(instance, agent_class, env)
    throw new ConfigError(`${position}: instance "${instance_id}" has no agent-class`)
  }
  const agent = await importAgent(module).catch((cause: unknown) => {
    throw new ConfigError(`${module.position}: ${messageOf(cause)}`, { cause })
  })
  const { class: declared, aliases = [] } = agent.spec
  if (agent_class === undefined || [declared, ...aliases].includes(agent_class)) return agent
  throw new ConfigError(
    `${module.position}: module ${module.name} declares ${declared}, not the agent-class ${agent_class}: correct one of them`,
  )
}

/**
 * Our declaration of a class, or else that of OCS's plugins.
 * @throws UnknownClassError when neither has it
 */
async function oursOrPython(instance: Instance, agentClass: string, env: Context['env']): Promise<Agent> {
  try {
    return await findAgent(agentClass)
  } catch (error) {
    if (!(error instanceof UnknownClassError)) throw error
    const plugins = await pluginsOf(pythonOf(instance, env)).catch(() => undefined)
    if (plugins && Object.hasOwn(plugins.classes, agentClass)) return standIn(agentClass)
    throw error
  }
}

/** Whether a declaration is missing because the class belongs to somebody else. */
export function isForeignClass(error: unknown): boolean {
  return error instanceof UnknownClassError && !error.isMisspelt
}

/**
 * The checked arguments of an instance; an error that the user's own module throws for them counts as a
 * fault.
 */
export function checkedArguments(
  agent: Agent,
  instance: Instance,
  env: Context['env'],
): ReturnType<typeof checkInstanceArguments> {
  try {
    return checkInstanceArguments(agent, instance, [], env)
  } catch (cause) {
    if (!instance.module) throw cause
    const { name, position } = instance.module
    throw new ConfigError(`${position}: module ${name}: ${messageOf(cause)}`, { cause })
  }
}

/** All instances of a site file with an id, with their declarations. */
export async function declaredInstances(
  site: Site,
  env: Context['env'],
): Promise<readonly DeclaredInstance[]> {
  const instances = [...site.hosts.values()].flatMap((host) => host.instances)
  return await Promise.all(
    instances
      .filter(({ instance_id }) => instance_id !== '')
      .map(async (instance) => {
        let isForeign = false
        const agent = await declarationOf(instance, env).catch((error: unknown) => {
          isForeign = isForeignClass(error)
          return undefined
        })
        return { instance, agent, isForeign, values: agent && valuesOf(agent, instance, env) }
      }),
  )
}

/** Instances of a site file, on all hosts, that should be up, without those whose class is unknown here. */
export async function expectedOf(site: Site | undefined, env: Context['env']): Promise<Expected[]> {
  const declared = site ? await declaredInstances(site, env) : []
  const hostOf = new Map(
    [...(site?.hosts.values() ?? [])].flatMap(({ name, instances }) =>
      instances.map((instance) => [instance, name] as const),
    ),
  )
  return declared
    .filter(({ instance, isForeign }) => instance.manage === 'host/up' && !isForeign)
    .map(({ instance, values }) => ({
      instance: instance.instance_id,
      agentClass: instance.agent_class ?? '',
      host: hostOf.get(instance) ?? '',
      ...(values === undefined && { why: 'the site file has an error: ocs check shows it' }),
    }))
}

function valuesOf(agent: Agent, instance: Instance, env: Context['env']): DeclaredInstance['values'] {
  try {
    const { faults, values } = checkedArguments(agent, instance, env)
    return faults.length === 0 ? values : undefined
  } catch (error) {
    if (error instanceof ConfigError) return undefined
    throw error
  }
}
