import { resolve } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'
import { declarationOf } from '../launch/declared-instances.ts'
import { isPython, pluginsOf, pythonFault, pythonOf } from '../launch/programs.ts'
import type { Instance } from '../site/instances.ts'
import type { Context } from '../terminal/context.ts'
import type { Check, Finding } from './finding.ts'

/** Lists the interpreter and the plugin version of each instance that runs in Python. */
export const checkPrograms: Check = async ({ host, context: { env } }) => {
  const found = await Promise.all(host.instances.map((instance) => finding(instance, env)))
  return found.flat()
}

async function finding(instance: Instance, env: Context['env']): Promise<Finding[]> {
  const { agent_class = '', command, crossbar, instance_id, module, position } = instance
  const told = (level: Finding['level'], text: string): Finding[] => [{ check: 'program', level, text }]
  const agent = await declarationOf(instance, env).catch(() => undefined)
  if (!agent?.spec.isProgram) return []
  if (command) {
    const [word = ''] = command
    if (Bun.which(word)) return told('ok', `${instance_id}: ${command.join(' ')}`)
    return told('problem', `${position}: ${instance_id}: there is no program "${word}"`)
  }
  const python = pythonOf(instance, env)
  if (crossbar) return told('ok', `${instance_id}: uses ${crossbar}, through ${python}`)
  try {
    const { classes, versions, faults } = await pluginsOf(python)
    if (isPython(module)) {
      const fault =
        versions['ocs'] === undefined
          ? `${python} has no package ocs, which its agents import`
          : await pythonFault(python, resolve(module.folder, module.name))
      if (fault !== undefined)
        return told('problem', `${module.position}: ${instance_id}: module ${module.name}: ${fault}`)
      return told('ok', `${instance_id}: ${module.name} by ${python} with ocs ${versions['ocs']}`)
    }
    const owner = classes[agent_class]
    if (owner)
      return told('ok', `${instance_id}: ${agent_class} of ${owner} ${versions[owner] ?? ''} by ${python}`)
    const broken = Object.entries(faults).map(
      ([name, why]) => `; its plugin ${name} cannot be loaded: ${why}`,
    )
    return told(
      'problem',
      `${position}: ${instance_id}: no plugin of OCS in ${python} has ${agent_class}${broken.join('')}`,
    )
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return told('problem', `${position}: ${instance_id}: ${messageOf(error)}`)
  }
}
