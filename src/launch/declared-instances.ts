import type { Agent } from '../core/agent.ts'
import type { Instance, Site } from '../site/site.ts'
import { findAgent } from './agents.ts'

/** All instances of a site file with the declarations of their classes; undefined for a class that is not known here. */
export async function declaredInstances(
  site: Site,
): Promise<{ readonly instance: Instance; readonly agent: Agent | undefined }[]> {
  const instances = [...site.hosts.values()].flatMap((host) => host.instances)
  return await Promise.all(
    instances.map(async (instance) => {
      const agent = await findAgent(instance.agent_class ?? '').catch(() => undefined)
      return { instance, agent }
    }),
  )
}
