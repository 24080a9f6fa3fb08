import { ConfigError, messageOf } from '../core/errors.ts'
import type { UpFlags } from '../host/up-run.ts'
import { isRecorder, recorderClasses, UnknownClassError } from '../launch/agents.ts'
import { checkedArguments, declarationOf } from '../launch/declared-instances.ts'
import { findHost, readText, recorders } from '../site/find.ts'
import type { Instance } from '../site/instances.ts'
import { type Host, inspectSite, type Site } from '../site/site.ts'
import type { Context } from '../terminal/context.ts'
import type { Finding } from './finding.ts'
import { type Checked, sharedFaults } from './shared.ts'

const WHAT = 'site file'
const NO_RECORDER = `nothing is recorded: no instance is an ${recorderClasses[0]}`

/** Checks a site file: its contents, and the arguments of every instance whose class is known. */
export async function checkSite(
  file: string,
  { siteHost, fileOnly }: Pick<UpFlags, 'siteHost'> & { readonly fileOnly?: boolean },
  { env }: Pick<Context, 'env'>,
): Promise<{ findings: Finding[]; site?: Site; host?: Host }> {
  const findings: Finding[] = []
  const problem = (text: string) => findings.push({ check: WHAT, level: 'problem', text })
  try {
    const { site, problems, shared } = inspectSite(await readText(file), file)
    problems.forEach(problem)
    for (const text of site.notes) findings.push({ check: WHAT, level: 'note', text })
    const instances = [...site.hosts.values()].flatMap((host) => host.instances)
    const isBroken = problems.length > 0
    const checked: Checked[] = []
    for (const instance of instances) {
      const found = await checkInstance(instance, env)
      if (Array.isArray(found)) findings.push(...found)
      else checked.push(found)
    }
    sharedFaults(checked, instances, isBroken).forEach(problem)
    const recording = recorders(site, isRecorder)
    if (recording.length === 0 && instances.length > 0 && !isBroken)
      findings.push({ check: WHAT, level: 'note', text: NO_RECORDER })
    // A file that was only partly read may lack the host for a reason that is already reported.
    if (shared.length > 0) return { findings: inOrder(findings) }
    const host = fileOnly ? undefined : findHost(site, siteHost)
    if (findings.every(({ level }) => level !== 'problem')) {
      const text = `${file}: instances: ${instances.length}, hosts: ${site.hosts.size}${host ? `; this host is ${host.name}` : ''}`
      findings.unshift({ check: WHAT, level: 'ok', text })
    }
    return { findings: inOrder(findings), site, ...(host && { host }) }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    messageOf(error).split('\n').forEach(problem)
    return { findings: inOrder(findings) }
  }
}

async function checkInstance(instance: Instance, env: Context['env']): Promise<Finding[] | Checked> {
  const { agent_class, instance_id, manage, module, position, faults: own } = instance
  const problem = (text: string): Finding => ({ check: WHAT, level: 'problem', text })
  if (agent_class === undefined && !module) {
    if (manage === 'ignore' || own.some((text) => text.includes('agent-class'))) return []
    return [problem(`${position}: instance "${instance_id}" has no agent-class: ocs up cannot run it`)]
  }
  try {
    const agent = await declarationOf(instance)
    const { faults, values } = checkedArguments(agent, instance, env)
    return values && faults.length === 0 ? { instance, agent, values } : faults.map(problem)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const said = messageOf(error)
    const text = placeOf(said).length > 0 ? said : `${position}: ${said}`
    // The class may be a foreign one, which another program runs.
    const isOthers = error instanceof UnknownClassError && !error.isMisspelt
    return [isOthers ? { check: WHAT, level: 'note', text: `${text}; ocs up leaves it out` } : problem(text)]
  }
}

/** Each finding once; problems last, in file order. */
function inOrder(findings: readonly Finding[]): Finding[] {
  const once = [...new Map(findings.map((finding) => [finding.text, finding])).values()]
  const rank = ({ level, text }: Finding) => (level === 'problem' ? [1, ...placeOf(text)] : [0])
  return once.toSorted((a, b) => compare(rank(a), rank(b)))
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((number, i) => number !== b[i])
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0)
}

/** Line and column in a text of the form `FILE:LINE:COLUMN…`; empty if there are none. */
function placeOf(text: string): number[] {
  const [, line, column] = /^.*?:(\d+):(\d+)(?=:|$)/.exec(text) ?? []
  return line === undefined ? [] : [Number(line), Number(column)]
}
