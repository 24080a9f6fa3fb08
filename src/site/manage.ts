/** Who starts an instance, and whether it is meant to be up. */
export type Manage = 'ignore' | 'host/up' | 'host/down' | 'docker/up' | 'docker/down'

/** Every spelling that OCS reads (OCS manual, "Host Manager"). */
export const manageValues: ReadonlyMap<string, Manage> = new Map([
  ['ignore', 'ignore'],
  ['no', 'ignore'],
  ['false', 'ignore'],
  ['host/up', 'host/up'],
  ['host', 'host/up'],
  ['up', 'host/up'],
  ['yes', 'host/up'],
  ['true', 'host/up'],
  ['host/down', 'host/down'],
  ['down', 'host/down'],
  ['docker/up', 'docker/up'],
  ['docker', 'docker/up'],
  ['docker/down', 'docker/down'],
])
