import { ConfigError } from '../core/errors.ts'
import { statePath } from '../machine/state-path.ts'
import { endOf, keyFiles, readHubAuthority, readHubKeys, remarksOn } from '../principals/hub-keys.ts'
import type { Check } from './finding.ts'

/** Checks that the certificate of a hub that was set up here can be used, and for how long. */
export const checkCertificate: Check = ({ flags, context }) => {
  const state = statePath(flags.stateDir, context.env)
  const { cert, ca } = keyFiles(state)
  try {
    const keys = readHubKeys(state)
    if (!keys) return []
    const authority = readHubAuthority(state)
    const remarks = [
      ...remarksOn(keys.cert, cert),
      ...(authority
        ? endOf(authority, ca, 'take hub/ca.pem and hub/server.pem away, and run ocs hub init')
        : []),
    ]
    if (remarks.length === 0) return [{ check: 'certificate', level: 'ok', text: `${cert} is valid` }]
    return remarks.map((text) => ({ check: 'certificate', level: 'problem', text }))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [{ check: 'certificate', level: 'problem', text: error.message }]
  }
}
