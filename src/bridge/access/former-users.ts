import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Where people were before the hub had them. */
export const MOVED =
  'people now sign in to the page with their account of the hub; where the hub runs: ocs hub passwd NAME --role operator:1'

/** What is to be said of a file of users that an earlier version of the bridge has left; undefined where there is none. */
export function formerUsers(state: string): string | undefined {
  const file = join(state, 'users.yaml')
  return existsSync(file) ? `${file} is no longer used: ${MOVED}` : undefined
}
