import type { UpFlags } from '../host/up-run.ts'
import type { InstanceView } from '../lab/lab-view.ts'
import type { Host, Site } from '../site/site.ts'
import type { Context } from '../terminal/context.ts'

/** The result of one check. */
export interface Finding {
  /** The subject: `site file`, `hub`, `ports`, `clock`, `instances`, `instrument`, a kind of folder. */
  readonly check: string
  /** A `note` is information, not a problem. */
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
  /** Prints the rights for a foreign broker instead of checking. */
  readonly acl?: 'mosquitto' | 'nats'
}
/** A host with a usable site file, as passed to each check. */
export interface CheckedHost {
  readonly site: Site
  readonly host: Host
  readonly flags: CheckFlags
  readonly context: Context
  /** The instances on the hub; none if it does not answer. */
  readonly instances: ReadonlyMap<string, InstanceView>
}
/** Checks one aspect of a host and returns its findings. */
export type Check = (on: CheckedHost) => readonly Finding[] | Promise<readonly Finding[]>
