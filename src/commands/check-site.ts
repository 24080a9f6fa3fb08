import { hostname } from 'node:os'
import { ConfigError, messageOf } from '../core/errors.ts'
import { didYouMean } from '../core/names.ts'
import { findHost, readText } from '../site/find.ts'
import { type Host, type Instance, inspectSite, type Site } from '../site/site.ts'
import { agentClasses, findAgent } from './agents.ts'
import type { Finding } from './check.ts'
import { checkArguments } from './check-arguments.ts'
import type { Context } from './context.ts'
import type { UpFlags } from './up-run.ts'

const WHAT = 'site file'

/** Checks a site file: what it says, and the arguments of every instance of a class that there is. */
export async function checkSite(
  file: string,
  { siteHost }: Pick<UpFlags, 'siteHost'>,
  { env }: Pick<Context, 'env'>,
): Promise<{ findings: Finding[]; site?: Site; host?: Host }> {
  const findings: Finding[] = []
  const problem = (text: string) => findings.push({ check: WHAT, level: 'problem', text })
  try {
    const { site, problems } = inspectSite(await readText(file), file)
    problems.forEach(problem)
    for (const text of site.notes) findings.push({ check: WHAT, level: 'note', text })
    const instances = [...site.hosts.values()].flatMap((host) => host.instances)
    for (const instance of instances) {
      const found = await checkInstance(instance, env, problems.length > 0)
      findings.push(...found)
    }
    // A file that was read in part may lack the host for a reason that has been told.
    if (problems.length > 0) return { findings }
    const host = findHost(site, siteHost ?? hostname())
    if (findings.every(({ level }) => level !== 'problem')) {
      const text = `${file}: instances: ${instances.length}, hosts: ${site.hosts.size}; this host is ${host.name}`
      findings.unshift({ check: WHAT, level: 'ok', text })
    }
    return { findings, site, host }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    messageOf(error).split('\n').forEach(problem)
    return { findings }
  }
}

async function checkInstance(
  { agent_class, arguments: given, instance_id, manage, position }: Instance,
  env: Context['env'],
  isBroken: boolean,
): Promise<Finding[]> {
  const problem = (text: string): Finding => ({ check: WHAT, level: 'problem', text })
  if (agent_class === undefined) {
    if (isBroken || manage === 'ignore') return []
    return [problem(`${position}: instance "${instance_id}" has no agent-class: ocs up cannot run it`)]
  }
  try {
    return checkArguments(await findAgent(agent_class), given, [], env).faults.map(problem)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const text = `${position}: ${messageOf(error)}`
    // Another class of OCS may well be meant, which something else runs.
    const isTypo = didYouMean(agent_class, agentClasses).length > 0
    return [isTypo ? problem(text) : { check: WHAT, level: 'note', text: `${text}; ocs up leaves it out` }]
  }
}
