import type { UpFlags } from '../host/up-run.ts'
import type { InstanceView } from '../lab/lab-view.ts'
import type { Host, Site } from '../site/site.ts'
import type { Context } from '../terminal/context.ts'

/** One thing that was looked at, and what was found. */
export interface Finding {
  /** What was looked at: `site file`, `hub`, `ports`, `clock`, `instances`, `instrument`, a kind of folder. */
  readonly check: string
  /** A `note` is worth knowing and no problem. */
  readonly level: 'ok' | 'note' | 'problem'
  readonly text: string
}

/** Flags of `ocs check`. */
export interface CheckFlags extends UpFlags {
  readonly json?: boolean
  readonly fileOnly?: boolean
  /** `--no-instruments` */
  readonly instruments: boolean
  readonly grafana?: string
  readonly bridgeUrl: string
  /** Prints the rights of a broker of others in place of looking. */
  readonly acl?: 'mosquitto' | 'nats'
}
/** A host whose site file can be used, as a check is given it. */
export interface CheckedHost {
  readonly site: Site
  readonly host: Host
  readonly flags: CheckFlags
  readonly context: Context
  /** The instances on the hub; none when it does not answer. */
  readonly instances: ReadonlyMap<string, InstanceView>
}
/** Looks at one thing of a host and tells what it found. */
export type Check = (on: CheckedHost) => readonly Finding[] | Promise<readonly Finding[]>
