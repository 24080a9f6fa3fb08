import { ConfigError } from '../core/errors.ts'
import { statePath } from '../machine/state-path.ts'
import { keyFiles, readHubKeys, remarksOn } from '../principals/hub-keys.ts'
import type { Check } from './finding.ts'

/** Checks that the certificate of a hub set up on this machine is usable, and for how long. */
export const checkCertificate: Check = ({ flags, context }) => {
  const state = statePath(flags.stateDir, context.env)
  const { cert } = keyFiles(state)
  try {
    const keys = readHubKeys(state)
    if (!keys) return []
    const remarks = remarksOn(state, keys.cert)
    if (remarks.length === 0) return [{ check: 'certificate', level: 'ok', text: `${cert} is valid` }]
    return remarks.map((text) => ({ check: 'certificate', level: 'problem', text }))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [{ check: 'certificate', level: 'problem', text: error.message }]
  }
}
