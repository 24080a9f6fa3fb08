/** What the bridge tells the live page. Times are unix seconds by the bridge's clock. It imports nothing: both sides do. */

/** What an operation is doing, for people; `lost` with its agent. */
export type State = 'starting' | 'running' | 'degraded' | 'stopping' | 'idle' | 'failed' | 'lost'

/** A value of a field; null stands for one that is no number (NaN). */
export type Cell = number | string | boolean | null

/** A field of a data node. */
export interface FieldView {
  /** `NAME::field`. */
  readonly metric: string
  readonly field: string
  readonly type: 'number' | 'string' | 'bool'
  /** The agent that reads it; null where none does, as of a weather file. */
  readonly instance: string | null
  /** What its values are shown in, multiplied by `factor`: 0.1 of what is recorded in `0.1 V`, else 1. */
  readonly units: string | null
  readonly factor: number
  readonly description: string | null
  /** The least step between two values, in its units. */
  readonly resolution: number | null
  /** Declared seconds between two samples, or two visits of a scanner. */
  readonly rhythm: number | null
  /** Of a sum of bits: what each means, by its value. */
  readonly bits: Readonly<Record<string, string>> | null
  /** The usual time between samples, s. */
  readonly interval: number | null
}
/** A data node with what it serves; without fields when it did not answer. */
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

/** Whether an agent is of another site, by its name there, `SITE/instance`. */
export function isElsewhere(instance: string): boolean {
  return instance.includes('/')
}

/** The site that an agent or a data node is of, by its name; '' of one of this lab. */
export function siteOf(name: string): string {
  return isElsewhere(name) ? name.slice(0, name.indexOf('/')) : ''
}

/** An operation with its latest session; the times are null where there is none. */
export interface OpView {
  readonly op: string
  readonly kind: 'task' | 'process' | null
  readonly state: State
  readonly since: number | null
  readonly end: number | null
  readonly message: string | null
  readonly by: string | null
}
/** What a recorder says of itself. */
export interface RecorderView {
  readonly file: string | null
  readonly folder: string
  /** Rows that agents hold and it has still to fetch. */
  readonly behind: number
  readonly problem: string | null
  readonly counters: Readonly<Record<string, number>>
  /** Feeds of which nothing has come for minutes. */
  readonly stale: readonly string[]
}
/** One alarm that is on. */
export interface AlarmView {
  readonly name: string
  readonly text: string
  readonly since: number | null
  /** Who sees to it; null while nobody has said so. */
  readonly acknowledged: string | null
  /** Until when nobody is called for it. */
  readonly silencedUntil: number | null
}
/** An agent as the hub knows it. */
export interface AgentView {
  readonly instance: string
  readonly agentClass: string
  /** `absent`: the site file has it, and nobody has heard of it; `away`: the link to its site is down. */
  readonly state: 'online' | 'offline' | 'lost' | 'absent' | 'away'
  /** Why one that is absent or away is. */
  readonly why: string | null
  readonly since: number | null
  /** When it last said that it lives. */
  readonly beat: number | null
  /** What is wrong with its clock. */
  readonly clock: string | null
  readonly host: string
  /** For a data node: first part of its metric names. */
  readonly node: string | null
  readonly lock: { readonly by: string; readonly until: number } | null
  readonly ops: readonly OpView[]
  /** Recorded feeds, and how many rows of each are not yet in a file. */
  readonly spools: readonly { readonly feed: string; readonly waiting: number }[]
  /** What it counts of things gone wrong, with what each counts. */
  readonly troubles: readonly { readonly name: string; readonly count: number; readonly help: string }[]
  readonly recorder: RecorderView | null
  readonly alarms: readonly AlarmView[]
}

/** A parameter of an operation, as a form asks for it. */
export interface ParameterView {
  readonly name: string
  readonly help: string
  readonly takes: string
  readonly required: boolean
  /** All values there are; empty where they cannot be listed. */
  readonly choices: readonly string[]
  /** It takes several values, a line each. */
  readonly many: boolean
  /** What the instrument has now, where the agent has told it since the operation was last started. */
  readonly present: string | number | boolean | null
}
/** An agent in full: what it can do, with the latest session of each operation. */
export interface AgentDetail {
  readonly instance: string
  readonly help: string
  readonly ops: readonly {
    readonly op: string
    readonly kind: 'task' | 'process'
    readonly help: string
    readonly parameters: readonly ParameterView[]
    /** What it does, or how it ended. */
    readonly now: OpView
    /** The data of the session as JSON text, cut where it is long; null where there is none. */
    readonly data: string | null
    readonly messages: readonly (readonly [number, string])[]
    /** What it was started with, as JSON text. */
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

/** Who asks, and what is possible. */
export interface Me {
  readonly user: string | null
  /** As the hub writes it: `operator:2`. */
  readonly role: string | null
  readonly mayOperate: boolean
  /** Whether this is to be read without a sign-in, or there was one. */
  readonly mayRead: boolean
  /** Whether a password may be sent: over TLS, and on this machine. */
  readonly maySignIn: boolean
  /** Grafana's address; null when the bridge was not told. */
  readonly grafana: string | null
}

/** What somebody did or was refused, as the hub saw it; for administrators. */
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
  /** With all agents that are known. */
  hello: {
    readonly stream: string
    readonly build: string
    readonly now: number
    readonly instances: readonly string[]
  }
  /** Every two seconds; `hub`: whether the bridge has its hub; why nothing is recorded though there are samples. */
  tick: { readonly now: number; readonly hub: boolean; readonly notRecording: string | null }
  agent: AgentView
  /** It is to be shown no more (`ocs ctrl forget`). */
  forgotten: { readonly instance: string }
  /** The list of fields is another than before. */
  fields: Record<string, never>
  /** Something is in the list of events that was not. */
  happened: Record<string, never>
  values: readonly Part[]
}
