import type { Agent } from '../core/agent.ts'
import { ConfigError, messageOf } from '../core/errors.ts'
import type { Instance, Site } from '../site/site.ts'
import type { Context } from '../terminal/context.ts'
import { findAgent } from './agents.ts'
import { checkInstanceArguments } from './check-arguments.ts'
import { importAgent } from './own-module.ts'

/** An instance with the declaration of its class and its checked arguments, as far as there are any. */
export interface DeclaredInstance {
  readonly instance: Instance
  /** Undefined for a class that is not known here, and for a module that cannot be used. */
  readonly agent: Agent | undefined
  /** Undefined when they are not in order. */
  readonly values: Readonly<Record<string, unknown>> | undefined
}

/**
 * The declaration of an instance's class: of its module, else the bundled one.
 * @throws ConfigError when there is none, with its place when the entry itself is at fault; UnknownClassError for a class
 *   that is not here
 */
export async function declarationOf({
  agent_class,
  instance_id,
  module,
  position,
}: Instance): Promise<Agent> {
  if (!module) {
    if (agent_class !== undefined) return findAgent(agent_class)
    throw new ConfigError(`${position}: instance "${instance_id}" has no agent-class`)
  }
  const agent = await importAgent(module).catch((cause: unknown) => {
    throw new ConfigError(`${module.position}: ${messageOf(cause)}`, { cause })
  })
  const { class: declared, aliases = [] } = agent.spec
  if (agent_class === undefined || [declared, ...aliases].includes(agent_class)) return agent
  throw new ConfigError(
    `${module.position}: module ${module.name} declares ${declared}, not the agent-class ${agent_class}: correct one of the two`,
  )
}

/** All instances of a site file with their declarations. */
export async function declaredInstances(
  site: Site,
  env: Context['env'],
): Promise<readonly DeclaredInstance[]> {
  const instances = [...site.hosts.values()].flatMap((host) => host.instances)
  return await Promise.all(
    instances.map(async (instance) => {
      const agent = await declarationOf(instance).catch(() => undefined)
      const checked = agent && checkInstanceArguments(agent, instance, [], env)
      return { instance, agent, values: checked?.faults.length === 0 ? checked.values : undefined }
    }),
  )
}
