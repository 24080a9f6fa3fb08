/**
 * Every topic of `ocs` and its payload. No other file spells a topic; that is why this one is long. Times are unix
 * seconds, UTC.
 */
import { z } from 'zod'
import { Lock } from './access.ts'
import { BlockName, CLIENT, FieldName, HUB, Label, Name, UnixTime } from './names.ts'
import { OpSession, Refusal } from './ops.ts'
import { channel } from './topic.ts'
import { FieldType, TimeColumn, Wire, WireColumns } from './wire.ts'

const seq = z.int().min(1)

/** A bound of a valid range; null leaves that side open. */
const bound = z.number().nullable()

/** Words by the values of bits. */
export const BitNames = z.record(z.string().regex(/^[1-9]\d{0,9}$/), z.string().max(100))

/** Tags of a field in InfluxDB, few and short. */
export const Tags = z
  .record(z.string().max(100), z.union([z.string().max(200), z.number(), z.boolean()]))
  .refine((tags) => Object.keys(tags).length <= 50, 'at most 50 tags')
export type Tags = z.output<typeof Tags>

/** A field as declared: its type in the archive, its units ('K', 'V', 'Ω', 'Hz', 's', …), what it is. */
export const FieldInfo = z.object({
  type: FieldType,
  units: z.string().optional(),
  description: z.string().optional(),
  /** Lowest and highest valid value, in the field's units. Values outside are kept, and counted. */
  range: z.tuple([bound, bound]).readonly().optional(),
  /** The least step between two values, in the field's units: what is shown has as many digits. */
  resolution: z.number().positive().optional(),
  /** Seconds between two samples, or between two visits of a scanner: what is late, and where a curve has a gap. */
  rhythm: z.number().positive().optional(),
  /** Of an int that is a sum of bits: what each means, by its value, as `{"16": "below its curve"}`. */
  bits: BitNames.optional(),
  /** What agents of OCS publish beside their values, for InfluxDB: tags by name, `_field` what it is called there. */
  influxdb_tags: Tags.optional(),
  /** Of a double that agents of OCS publish as a whole number: a database that has it as one takes no other. */
  influxdb_int: z.boolean().optional(),
})
export type FieldInfo = z.output<typeof FieldInfo>

/** What a feed carries. Stored with each epoch of the spool, so that old rows keep their types. */
export const FeedDeclaration = z.object({
  agent_class: z.string(),
  record: z.boolean(),
  /** Seconds of data a frame of the recorder spans at most. */
  frame_length: z.number().positive(),
  /** Whether sinks leave it out, as OCS's `agg_params` say. */
  exclude_influx: z.boolean().optional(),
  blocks: z.record(BlockName, z.record(FieldName, FieldInfo)),
})
export type FeedDeclaration = z.output<typeof FeedDeclaration>

/** Seconds between two beats of an agent's presence, and after the last one until it is lost: its will may have died with its hub. */
export const BEAT_S = 5
export const LOST_S = 3 * BEAT_S

/** Rows an agent's spool holds of one epoch: `first`..`last`; `acked` is the last known to be recorded, 0 for none. */
export const HeldEpoch = z.object({
  epoch: Name,
  first: seq,
  last: z.int().min(0),
  acked: z.int().min(0),
  /** Epochs not recorded yet between the one listed before and this one, which the list has no room for. */
  skipped: z.int().min(1).optional(),
})
export type HeldEpoch = z.output<typeof HeldEpoch>

/** By recorded feed: the spool's id and the epochs it holds, oldest first. */
const HeldFeeds = z.record(Name, z.object({ spool: Label, epochs: z.array(HeldEpoch) }))

/** One agent's state, retained; its last will is the same with state `lost`. */
export const Presence = z.object({
  state: z.enum(['online', 'offline', 'lost']),
  /** New at each start of the process, so that a will of an older process is told apart. */
  session: Label,
  since: UnixTime,
  time: UnixTime,
  /** Of a last will: when the hub published it, by the hub's clock. An `ocs hub` adds it. */
  left: UnixTime.optional(),
  agent_class: Label,
  host: Label,
  pid: z.int(),
  version: Label,
  /** What its spool holds. */
  feeds: HeldFeeds.optional(),
  /** What was lost, left out, doubled, asked for again since the process began; `core/counters.ts` names them. */
  counters: z.record(Label, z.number().min(0)).optional(),
  /** Who alone may start, stop and abort operations, and until when; absent when everyone may. */
  lock: Lock.optional(),
})
export type Presence = z.output<typeof Presence>

/** What a spool still holds whose agent is gone: the topic names whose rows they are, and as whose they are recorded. */
const Drains = z.object({ feeds: HeldFeeds })

/** JSON Schema of an object, as far as forms are drawn from it. */
const JsonSchema = z.looseObject({
  properties: z.record(z.string(), z.looseObject({})).optional(),
  required: z.array(z.string()).optional(),
})
/** What an agent can do and publish; enough to draw forms and to write a client. */
export const AgentApi = z.object({
  agent_class: Label,
  help: z.string(),
  ops: z.record(
    Name,
    z.object({
      kind: z.enum(['task', 'process']),
      help: z.string(),
      params: JsonSchema,
      startup: z.boolean(),
      /** What it starts with when it starts with the agent. */
      startup_params: z.record(z.string(), z.unknown()).optional(),
      min_privs: z.int().min(1).max(3),
    }),
  ),
  queries: z.record(Name, z.object({ help: z.string(), params: JsonSchema })),
  feeds: z.record(Name, FeedDeclaration),
  /** Of a data node: the name its metrics begin with, and what it serves. */
  node: z
    .object({
      name: Label,
      description: z.string(),
      /** Serves recorded files: asked for what other nodes no longer have. */
      archive: z.boolean().optional(),
      /** Where what it serves is recorded (`observatory.ls240.feeds.temperatures`), and how many seconds of it are kept. */
      live: z.object({ source: z.string(), keeps: z.number() }).optional(),
      /** Since when it goes by this name without a break, by the hub's clock. An `ocs hub` sets it, whatever is said here. */
      named: UnixTime.optional(),
    })
    .optional(),
})
/** What a data node announces of itself. */
export type NodeInfo = NonNullable<z.output<typeof AgentApi>['node']>
export type AgentApi = z.output<typeof AgentApi>

/** One row of a feed: a block's co-sampled values at the times `t`. Without `seq` it is in no spool. */
export const Row = z.object({
  epoch: Name,
  seq: seq.optional(),
  block: BlockName,
  t: TimeColumn,
  data: WireColumns,
})
export type Row = z.output<typeof Row>

/** Stands in the topic of its answer. */
const Id = z.string().regex(CLIENT, 'letters, digits, _, - and ., at most 128, a letter or digit first')

/** Asks an agent to act: refused once `sent + timeout` (s) has passed. */
export const Request = z.object({
  id: Id,
  sent: z.number(),
  timeout: z.number().positive(),
  params: z.record(z.string(), z.unknown()),
  /** Who asks and from where, `maya@grumpy`: for people who read the history, no proof. */
  by: Label.optional(),
  /**
   * The hub's own word on who asks, in place of whatever the client says there: from where, and the access level. Absent on
   * a hub that is open to everybody; on another broker it is worth no more than the rest.
   */
  caller: z.object({ principal: Label, level: z.int().min(0).max(3), from: Label }).optional(),
  /** The key that `lock` gave out: acts as the lock's holder from another client. */
  key: z.string().max(100).optional(),
  /** Of `wait`: seconds, at once at 0 or less, null for as long as it takes; `timeout` when it is absent. */
  wait: z.number().nullable().optional(),
})
export type Request = z.output<typeof Request>

/** A message of a feed that is not recorded and carries no blocks: any JSON. */
const Message = z.object({ time: UnixTime, message: z.unknown() })

/** What became of a request. `result` answers a query; long results come in `parts` pieces of JSON text. */
export const Reply = z.object({
  id: z.string(),
  status: z.union([z.literal(0), z.literal(-1), z.literal(1)]),
  msg: z.string(),
  /** Why it was refused, for programs; only of some refusals. */
  kind: Refusal.optional(),
  session: OpSession.or(z.object({}).strict()).optional(),
  result: z.unknown().optional(),
  piece: z.string().optional(),
  part: z.int().min(0).optional(),
  parts: z.int().min(1).max(10_000).optional(),
})
export type Reply = z.output<typeof Reply>

/** Asks for an epoch's rows from `from` on, `max_bytes` of JSON at most. */
const ReplayRequest = z.object({
  id: Id,
  feed: Name,
  epoch: Name,
  from: seq,
  /** Skips rows before this time. */
  since: z.number().optional(),
  max_bytes: z.int().min(1).max(262_144),
})
/**
 * Rows in order; `next` is the seq to ask for next, `head` the last committed one; `gap` is gone for ever. An epoch that
 * is not held (any more) is answered without rows and without a declaration, `head` just before `from`.
 */
export const Replayed = z.object({
  feed: Name,
  epoch: Name,
  rows: z.array(Row),
  declaration: FeedDeclaration.optional(),
  /** The epoch before this one and its last seq, as the first row of the epoch names them. */
  previous: z.object({ epoch: Name, last: z.int() }).optional(),
  next: seq,
  head: z.int().min(0),
  gap: z.object({ from: seq, to: seq }).optional(),
  /** Rows that do not fit, which are left out, each with the reason. */
  left_out: z.array(z.object({ seq, why: z.string().max(200) })).optional(),
})
export type Replayed = z.output<typeof Replayed>

/** The recorder's word that rows up to `seq` are in a synced file, signed (`core/recording/recorder-key.ts`). */
const Ack = z.object({
  epoch: Name,
  seq,
  data_dir: Label,
  /** The recorder's public key, Ed25519, and the signature in base64. */
  key: z.string().regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits'),
  signature: z.string().max(100),
})
/** Something worth knowing: logged, shown, audited. */
const Event = z.object({
  time: UnixTime,
  level: z.enum(['info', 'warning', 'error']),
  text: z.string(),
  kind: Label,
})
export type Event = z.output<typeof Event>

export const HubInfo = z.object({
  realm: Label,
  version: Label,
  since: UnixTime,
  host: Label,
  pid: z.int(),
  listeners: z.array(z.string()),
  /** Everybody who reaches it may do everything. */
  insecure: z.boolean().optional(),
  limits: z.record(z.string(), z.number()),
})
export type HubInfo = z.output<typeof HubInfo>

/** The hub's question whether a client still lives; the acknowledgement (PUBACK) is the answer, nothing else is expected. */
const Ping = z.object({ time: z.number() })

/** Why the hub has not passed on what a client published. */
const Refused = z.object({ time: UnixTime, topic: z.string().max(1000), why: z.string().max(1000) })

/** What somebody gets for a name and a password: shown as password from then on. */
const Token = z.object({
  principal: Name,
  token: z.string().max(200),
  until: UnixTime,
  /** What they may do: `observer`, `operator:1` to `operator:3`, `admin`. */
  role: Label.optional(),
})

/** What somebody did, or was refused, as the hub saw it. */
export const AuditEntry = z.object({
  time: UnixTime,
  kind: z.enum(['login', 'refused', 'takeover', 'revoked', 'request']),
  principal: Label,
  client: z.string().max(200),
  /** Address and port. */
  from: Label,
  /** Of a request: whom it asked, for what (`acq.start`, `lock`), with which parameters, secrets hidden. */
  instance: Label.optional(),
  what: z.string().max(200).optional(),
  params: z.string().max(1024).optional(),
  why: z.string().max(1000).optional(),
  /** Of a refusal: how often it was since the last entry. */
  times: z.int().min(1).optional(),
})
export type AuditEntry = z.output<typeof AuditEntry>

export const channels = {
  presence: channel('{root}/{instance}/presence', Presence, { qos: 1, retain: true }),
  api: channel('{root}/{instance}/api', AgentApi, { qos: 1, retain: true }),
  session: channel('{root}/{instance}/ops/{op}/session', OpSession, { qos: 1, retain: true }),
  request: channel('{root}/{instance}/ops/{op}/{action}/{client}', Request, { qos: 1 }),
  query: channel('{root}/{instance}/queries/{query}/{client}', Request, { qos: 1 }),
  reply: channel('{root}/{instance}/replies/{client}/{id}', Reply, { qos: 1 }),
  feed: channel('{root}/{instance}/feeds/{feed}', Row),
  message: channel('{root}/{instance}/messages/{feed}', Message),
  last: channel('{root}/{instance}/last/{feed}', z.record(z.string(), Wire), { retain: true }),
  replay: channel('{root}/{instance}/replay/{client}', ReplayRequest, { qos: 1 }),
  replayed: channel('{root}/{instance}/replayed/{client}/{id}', Replayed),
  ack: channel('{root}/{instance}/ack/{feed}', Ack),
  drains: channel('{root}/{instance}/drains/{of}', Drains),
  event: channel('{root}/{instance}/events', Event),
  hub: channel(`{root}/${HUB}`, HubInfo, { qos: 1, retain: true }),
  /** Sent to one client by the hub without a subscription, when another comes with the same id. */
  ping: channel(`{root}/${HUB}/ping/{client}`, Ping, { qos: 1 }),
  /** To the client that published it, without a subscription, and before the message is acknowledged. */
  refused: channel(`{root}/${HUB}/refused/{client}`, Refused, { qos: 1 }),
  /** For administrators. */
  audit: channel(`{root}/${HUB}/audit`, AuditEntry, { qos: 1 }),
  /** To a client that has connected with a name and a password, under an id of `LOGIN`. */
  login: channel(`{root}/${HUB}/login/{client}`, Token, { qos: 1 }),
} as const

/** OCS's dotted address of a feed, as `.g3` files spell it: `observatory.ls240.feeds.temperatures`. */
export function feedAddress(root: string, instance: string, feed: string): string {
  return `${feedsAddress(root, instance)}.${feed}`
}

/** The instance that an address of a feed or of what is in it names; undefined of another root. */
export function instanceAt(root: string, address: string): string | undefined {
  return address.startsWith(`${root}.`) ? address.slice(root.length + 1).split('.')[0] : undefined
}

/** What the addresses of all feeds of an instance begin with: `observatory.ls240.feeds`. */
export function feedsAddress(root: string, instance: string): string {
  return `${root}.${instance}.feeds`
}
