/**
 * The messages of the bridge to the live page. Times are unix seconds by the bridge's clock. This file
 * imports nothing, since both sides import it.
 */

/** The state of an operation, for people; `lost` with its agent. */
export type State = 'starting' | 'running' | 'degraded' | 'stopping' | 'idle' | 'failed' | 'lost'

/** A value of a field; null for one that is not a number (NaN). */
export type Cell = number | string | boolean | null

/** A field of a data node. */
export interface FieldView {
  /** `NAME::field`. */
  readonly metric: string
  readonly field: string
  readonly type: 'number' | 'string' | 'bool'
  /** The agent that reads it; null if there is none, as for a weather file. */
  readonly instance: string | null
  /**
   * The units of displayed values, which are multiplied by `factor`: 0.1 for values recorded in `0.1 V`, else
   * 1.
   */
  readonly units: string | null
  readonly factor: number
  readonly description: string | null
  /** The smallest step between two values, in its units. */
  readonly resolution: number | null
  /** Declared seconds between two samples, or two visits of a scanner. */
  readonly rhythm: number | null
  /** For a sum of bits: the meaning of each, by its value. */
  readonly bits: Readonly<Record<string, string>> | null
  /** The usual time between samples, s. */
  readonly interval: number | null
}
/** A data node with its fields; without fields if it did not answer. */
export interface NodeView {
  readonly name: string
  readonly description: string
  /** It serves recorded files, most of which other nodes show live. */
  readonly archive: boolean
  readonly fields: readonly FieldView[]
}

/** Values of metrics at the times `t`. */
export interface Part {
  readonly t: readonly number[]
  readonly values: Readonly<Record<string, readonly Cell[]>>
}

/** Whether an agent belongs to another site, judged by its name here, `SITE/instance`. */
export function isElsewhere(instance: string): boolean {
  return instance.includes('/')
}

/** The site in the name of an agent or a data node; '' for this lab. */
export function siteOf(name: string): string {
  return isElsewhere(name) ? name.slice(0, name.indexOf('/')) : ''
}

/** An operation with its latest session; the times are null if there is none. */
export interface OpView {
  readonly op: string
  readonly kind: 'task' | 'process' | null
  readonly state: State
  readonly since: number | null
  readonly end: number | null
  readonly message: string | null
  readonly by: string | null
}
/** The report of a recorder. */
export interface RecorderView {
  readonly file: string | null
  readonly folder: string
  /** Rows that it still has to fetch from agents. */
  readonly behind: number
  readonly problem: string | null
  readonly counters: Readonly<Record<string, number>>
  /** Feeds from which nothing has come for minutes. */
  readonly stale: readonly string[]
}
/** An active alarm. */
export interface AlarmView {
  readonly name: string
  readonly text: string
  readonly since: number | null
  /** Who attends to it; null until somebody acknowledges it. */
  readonly acknowledged: string | null
  /** Until when nobody is called for it. */
  readonly silencedUntil: number | null
}
/** An agent as the hub knows it. */
export interface AgentView {
  readonly instance: string
  readonly agentClass: string
  /**
   * `absent`: it is in the site file, but has never announced itself; `away`: the link to its site is down.
   */
  readonly state: 'online' | 'offline' | 'lost' | 'absent' | 'away'
  /** Why it is absent or away. */
  readonly why: string | null
  readonly since: number | null
  /** The time of its last heartbeat. */
  readonly beat: number | null
  /** What is wrong with its clock. */
  readonly clock: string | null
  readonly host: string
  /** For a data node: first part of its metric names. */
  readonly node: string | null
  readonly lock: { readonly by: string; readonly until: number } | null
  readonly ops: readonly OpView[]
  /** Recorded feeds, and for each the number of rows not yet in a file. */
  readonly spools: readonly { readonly feed: string; readonly waiting: number }[]
  /** Its counters of faults, with an explanation of each. */
  readonly troubles: readonly { readonly name: string; readonly count: number; readonly help: string }[]
  readonly recorder: RecorderView | null
  readonly alarms: readonly AlarmView[]
}

/** A parameter of an operation, for a form. */
export interface ParameterView {
  readonly name: string
  readonly help: string
  readonly takes: string
  readonly required: boolean
  /** All possible values; empty if they cannot be listed. */
  readonly choices: readonly string[]
  /** It takes several values, one per line. */
  readonly many: boolean
  /** What the instrument has now, where the agent has told it since the operation was last started. */
  readonly present: string | number | boolean | null
}
/** An agent in full: its operations, with the latest session of each. */
export interface AgentDetail {
  readonly instance: string
  readonly help: string
  readonly ops: readonly {
    readonly op: string
    readonly kind: 'task' | 'process'
    readonly help: string
    readonly parameters: readonly ParameterView[]
    /** What it is doing, or how it ended. */
    readonly now: OpView
    /** The data of the session as JSON text, truncated if long; null if there are none. */
    readonly data: string | null
    readonly messages: readonly (readonly [number, string])[]
    /** The parameters it was started with, as JSON text. */
    readonly params: string | null
  }[]
}

/** A session of an operation as a region of a plot. */
export interface RunView {
  readonly instance: string
  readonly op: string
  readonly start: number
  readonly end: number | null
  readonly state: State
}
/** Something that happened: an event, or the start or end of a session. */
export interface EventView {
  readonly time: number
  readonly level: 'info' | 'warning' | 'error'
  readonly instance: string
  readonly kind: string
  readonly text: string
}
/** What has happened since a time, in order. */
export interface Happened {
  readonly runs: readonly RunView[]
  readonly events: readonly EventView[]
}

/** The user of the page, and what is possible. */
export interface Me {
  readonly user: string | null
  /** In the hub's notation: `operator:2`. */
  readonly role: string | null
  readonly mayOperate: boolean
  /** Whether reading needs no sign-in, or there was one. */
  readonly mayRead: boolean
  /** Whether a password may be sent: over TLS, or on this machine. */
  readonly maySignIn: boolean
  /** Grafana's address; null if the bridge was not given one. */
  readonly grafana: string | null
}

/** An action or a refusal, as seen by the hub; for administrators. */
export interface AuditView {
  readonly time: number
  readonly kind: string
  readonly principal: string
  readonly client: string
  readonly from: string
  readonly instance?: string | undefined
  readonly what?: string | undefined
  readonly params?: string | undefined
  readonly why?: string | undefined
}

/** The events of the stream, by name. */
export interface StreamEvents {
  /** Includes all known agents. */
  hello: {
    readonly stream: string
    readonly build: string
    readonly now: number
    readonly instances: readonly string[]
  }
  /**
   * Every two seconds; `hub`: whether the bridge has its hub; why nothing is recorded although there are
   * samples.
   */
  tick: { readonly now: number; readonly hub: boolean; readonly notRecording: string | null }
  agent: AgentView
  /** It is no longer to be shown (`ocs ctrl forget`). */
  forgotten: { readonly instance: string }
  /** The list of fields has changed. */
  fields: Record<string, never>
  /** The list of events has changed. */
  happened: Record<string, never>
  values: readonly Part[]
}
