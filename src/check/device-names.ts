import { existsSync } from 'node:fs'
import { ConfigError } from '../core/errors.ts'
import { notFound } from '../core/names.ts'
import { statePath } from '../machine/state-path.ts'
import { type Entries, principalsPath, readPrincipals } from '../principals/principals-file.ts'
import type { Check, Finding } from './finding.ts'

const problem = (text: string): Finding => ({ check: 'device_topics', level: 'problem', text })

/**
 * Checks that each principal in `device_topics` is a device, if the hub's list of principals is on this
 * machine.
 */
export const checkDeviceNames: Check = ({ site, flags, context }) => {
  const file = principalsPath(statePath(flags.stateDir, context.env))
  const names = [...(site.hub.device_topics?.keys() ?? [])]
  // On other machines this cannot be checked.
  if (names.length === 0 || !existsSync(file)) return []
  try {
    const known = readPrincipals(file)
    return names.flatMap((name) => faultOf(name, known) ?? [])
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [problem(error.message)]
  }
}

function faultOf(name: string, known: Entries): Finding | undefined {
  const role = known[name]?.role
  if (role === 'device') return undefined
  if (role !== undefined)
    return problem(
      `${name} is not a device on this hub but ${role}: give its topics to an account with the role device`,
    )
  const devices = Object.keys(known).filter((one) => known[one]?.role === 'device')
  const make = `create its token: ocs hub token ${name} --role device`
  return problem(`${notFound('this hub knows no device', name, devices, 'it knows')}; or ${make}`)
}
