import { join } from 'node:path'

/** The realm of a lab whose site file names none. */
export const REALM = 'test_realm'

/** Where a run has what, in its folder. */
export interface Places {
  /** What may be a disk of its own: the data directory, and what was taken out of it. */
  readonly disk: string
  readonly dataDir: string
  readonly away: string
  readonly state: string
  readonly log: string
  readonly sent: string
}

export function placesOf(dir: string): Places {
  const disk = join(dir, 'data')
  const [state, log, sent] = [join(dir, 'state'), join(dir, 'log'), join(dir, 'sent')]
  return { disk, dataDir: join(disk, 'hk'), away: join(disk, 'away'), state, log, sent }
}

/** The log of what an agent's instrument sent. */
export function sentLog({ sent }: Places, agent: string): string {
  return join(sent, `${agent}.sent.jsonl`)
}

/** What the foreign agent has done, a line each. */
export function foreignLog({ sent }: Places): string {
  return join(sent, 'foreign.log')
}
