import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Where users were stored before the hub had them. */
export const MOVED =
  'people now sign in to the page with their account of the hub; where the hub runs: ocs hub passwd NAME --role operator:1'

/** The message about a users file that an earlier version of the bridge left; undefined if there is none. */
export function formerUsers(state: string): string | undefined {
  const file = join(state, 'users.yaml')
  return existsSync(file) ? `${file} is no longer used: ${MOVED}` : undefined
}
