/**
 * Every topic of `ocs` and its payload. No other file spells a topic; that is why this one is long. Times are
 * unix seconds, UTC.
 */
import { z } from 'zod'
import { Lock } from './access.ts'
import { BLOCK, BlockName, CLIENT, FieldName, HUB, Label, NAME, Name, UnixTime } from './names.ts'
import { OpSession, Refusal } from './ops.ts'
import { channel } from './topic.ts'
import { FieldType, isColumns, isPlain, isTimes, quick, TimeColumn, Wire, WireColumns } from './wire.ts'

const seq = z.int().min(1)

/** A bound of a valid range; null leaves that side open. */
const bound = z.number().nullable()

/** Words by value of a bit. */
export const BitNames = z.record(z.string().regex(/^[1-9]\d{0,9}$/), z.string().max(100))

/** Tags of a field in InfluxDB, few and short. */
export const Tags = z
  .record(z.string().max(100), z.union([z.string().max(200), z.number(), z.boolean()]))
  .refine((tags) => Object.keys(tags).length <= 50, 'at most 50 tags')
export type Tags = z.output<typeof Tags>

/** A declared field: its type in the archive, its units ('K', 'V', 'Ω', 'Hz', 's', …), its description. */
export const FieldInfo = z.object({
  type: FieldType,
  units: z.string().optional(),
  description: z.string().optional(),
  /** Lowest and highest valid value, in the field's units. Values outside are kept and counted. */
  range: z.tuple([bound, bound]).readonly().optional(),
  /** The smallest step between two values, in the field's units; sets how many digits are shown. */
  resolution: z.number().positive().optional(),
  /**
   * Seconds between two samples, or between two visits of a scanner; used to find late samples and gaps in a
   * curve.
   */
  rhythm: z.number().positive().optional(),
  /** For an int that is a sum of bits: the meaning of each, by its value, as `{"16": "below its curve"}`. */
  bits: BitNames.optional(),
  /**
   * For InfluxDB, what agents of OCS publish beside their values: tags by name; `_field` is the name of the
   * field there.
   */
  influxdb_tags: Tags.optional(),
  /**
   * For a double that agents of OCS publish as an integer: a database that stores it as one accepts no other
   * type.
   */
  influxdb_int: z.boolean().optional(),
})
export type FieldInfo = z.output<typeof FieldInfo>

/** The contents of a feed. Stored with each epoch of the spool, so that old rows keep their types. */
export const FeedDeclaration = z.object({
  agent_class: z.string(),
  record: z.boolean(),
  /** The longest span of one frame of the recorder, in seconds of data. */
  frame_length: z.number().positive(),
  /** Whether database sinks skip it, as in OCS's `agg_params`. */
  exclude_influx: z.boolean().optional(),
  blocks: z.record(BlockName, z.record(FieldName, FieldInfo)),
})
export type FeedDeclaration = z.output<typeof FeedDeclaration>

/**
 * Seconds between two beats of an agent's presence, and seconds after the last beat until it counts as lost:
 * its last will may have died with its hub.
 */
export const BEAT_S = 5
export const LOST_S = 3 * BEAT_S

/**
 * Rows of one epoch in an agent's spool: `first`..`last`; `acked` is the last one known to be recorded, 0 for
 * none.
 */
export const HeldEpoch = z.object({
  epoch: Name,
  first: seq,
  last: z.int().min(0),
  acked: z.int().min(0),
  /**
   * Number of unrecorded epochs between the previous one in the list and this one, for which the list has no
   * room.
   */
  skipped: z.int().min(1).optional(),
})
export type HeldEpoch = z.output<typeof HeldEpoch>

/** By recorded feed: the spool's id and the epochs it holds, oldest first. */
const HeldFeeds = z.record(Name, z.object({ spool: Label, epochs: z.array(HeldEpoch) }))

/** One agent's state, retained; its last will is the same with state `lost`. */
export const Presence = z.object({
  state: z.enum(['online', 'offline', 'lost']),
  /** New at each start of the process, so that the will of an older process can be recognised. */
  session: Label,
  since: UnixTime,
  time: UnixTime,
  /** In a last will: when the hub published it, by the hub's clock. Added by an `ocs hub`. */
  left: UnixTime.optional(),
  agent_class: Label,
  host: Label,
  pid: z.int(),
  version: Label,
  /** The contents of its spool. */
  feeds: HeldFeeds.optional(),
  /**
   * Counts of lost, dropped, duplicate and re-requested items since the process began; `core/counter-help.ts`
   * names them.
   */
  counters: z.record(Label, z.number().min(0)).optional(),
  /**
   * Who holds the exclusive right to start, stop and abort operations, and until when; absent if everyone
   * may.
   */
  lock: Lock.optional(),
})
export type Presence = z.output<typeof Presence>

/**
 * What a spool still holds after its agent is gone. The topic (`{of}`) names the instance whose rows these are
 * and under which they are recorded.
 */
const Drains = z.object({ feeds: HeldFeeds })

/** JSON Schema of an object: the parts needed to draw forms. */
const JsonSchema = z.looseObject({
  properties: z.record(z.string(), z.looseObject({})).optional(),
  required: z.array(z.string()).optional(),
})
/** An agent's operations and feeds; enough to draw forms and to write a client. */
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
      /** The parameters with which it starts at the agent's start. */
      startup_params: z.record(z.string(), z.unknown()).optional(),
      min_privs: z.int().min(1).max(3),
    }),
  ),
  queries: z.record(Name, z.object({ help: z.string(), params: JsonSchema })),
  feeds: z.record(Name, FeedDeclaration),
  /** For a data node: the first part of its metric names, and what it serves. */
  node: z
    .object({
      name: Label,
      description: z.string(),
      /** Serves recorded files: it is asked for data that other nodes no longer hold. */
      archive: z.boolean().optional(),
      /**
       * The address under which its data are recorded (`observatory.ls240.feeds.temperatures`), and for how
       * many seconds it keeps them.
       */
      live: z.object({ source: z.string(), keeps: z.number() }).optional(),
      /**
       * Since when it has had this name without a break, by the hub's clock. An `ocs hub` sets it and ignores
       * the client's value.
       */
      named: UnixTime.optional(),
    })
    .optional(),
})
/** A data node's announcement. */
export type NodeInfo = NonNullable<z.output<typeof AgentApi>['node']>
export type AgentApi = z.output<typeof AgentApi>

/** One row of a feed: co-sampled values of a block at the times `t`. A row without `seq` is in no spool. */
export const Row = quick(
  z.object({
    epoch: Name,
    seq: seq.optional(),
    block: BlockName,
    t: TimeColumn,
    data: WireColumns,
  }),
  isRow,
)
export type Row = z.output<typeof Row>

/** Whether a value is a row with nothing beside it, which zod would copy. */
function isRow(value: unknown): boolean {
  if (!isPlain(value)) return false
  const { epoch, seq: number, block, t, data } = value
  const isNumbered = 'seq' in value
  return (
    Object.keys(value).length === (isNumbered ? 5 : 4) &&
    (!isNumbered || (Number.isSafeInteger(number) && Number(number) >= 1)) &&
    typeof epoch === 'string' &&
    NAME.test(epoch) &&
    typeof block === 'string' &&
    BLOCK.test(block) &&
    isTimes(t) &&
    isColumns(data)
  )
}

/** Part of the topic of the answer. */
const Id = z.string().regex(CLIENT, 'letters, digits, _, - and ., at most 128, a letter or digit first')

/** Asks an agent to act; refused once `timeout` (s) has passed since `sent`. */
export const Request = z.object({
  id: Id,
  sent: z.number(),
  timeout: z.number().positive(),
  params: z.record(z.string(), z.unknown()),
  /** Who asks and from where, `maya@grumpy`: for readers of the history; not proof. */
  by: Label.optional(),
  /**
   * Who asks, according to the hub, which replaces any value from the client: name, address and access level.
   * Absent on a hub that is open to everybody; on another broker it proves no more than the other fields.
   */
  caller: z.object({ principal: Label, level: z.int().min(0).max(3), from: Label }).optional(),
  /** The key from `lock`: lets another client act as the lock's holder. */
  key: z.string().max(100).optional(),
  /** For `wait`: seconds; 0 or less means at once, null without limit; `timeout` if absent. */
  wait: z.number().nullable().optional(),
})
export type Request = z.output<typeof Request>

/** A message of an unrecorded feed without blocks: any JSON. */
const Message = z.object({ time: UnixTime, message: z.unknown() })

/** The outcome of a request. `result` answers a query; long results come in `parts` pieces of JSON text. */
export const Reply = z.object({
  id: z.string(),
  status: z.union([z.literal(0), z.literal(-1), z.literal(1)]),
  msg: z.string(),
  /** Why it was refused, for programs; only some refusals have a kind. */
  kind: Refusal.optional(),
  session: OpSession.or(z.object({}).strict()).optional(),
  result: z.unknown().optional(),
  piece: z.string().optional(),
  part: z.int().min(0).optional(),
  parts: z.int().min(1).max(10_000).optional(),
})
export type Reply = z.output<typeof Reply>

/** Asks for the rows of an epoch from `from` on, at most `max_bytes` of JSON. */
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
 * Rows in order; `next` is the next seq to ask for, `head` the last committed one; the rows of `gap` are lost
 * for good. If the epoch is not held (any more), the answer has no rows and no declaration, and `head` is
 * just before `from`.
 */
export const Replayed = z.object({
  feed: Name,
  epoch: Name,
  rows: z.array(Row),
  declaration: FeedDeclaration.optional(),
  /** The previous epoch and its last seq, as named in the first row of this epoch. */
  previous: z.object({ epoch: Name, last: z.int() }).optional(),
  next: seq,
  head: z.int().min(0),
  gap: z.object({ from: seq, to: seq }).optional(),
  /** Rows that do not fit the declaration and are left out, each with the reason. */
  left_out: z.array(z.object({ seq, why: z.string().max(200) })).optional(),
})
export type Replayed = z.output<typeof Replayed>

/**
 * The recorder's signed statement that rows up to `seq` are in a synced file
 * (`core/recording/recorder-key.ts`).
 */
const Ack = z.object({
  epoch: Name,
  seq,
  data_dir: Label,
  /** The recorder's public key, Ed25519, and the signature in base64. */
  key: z.string().regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits'),
  signature: z.string().max(100),
})
/** An event to log, show and audit. */
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
  /** Anybody who can reach the hub may do anything. */
  insecure: z.boolean().optional(),
  limits: z.record(z.string(), z.number()),
})
export type HubInfo = z.output<typeof HubInfo>

/** Asks whether a client is still alive; the acknowledgement (PUBACK) is the answer. */
const Ping = z.object({ time: z.number() })

/** Why the hub did not forward a client's message. */
const Refused = z.object({ time: UnixTime, topic: z.string().max(1000), why: z.string().max(1000) })

/** A token, issued for a name and a password; the client uses it as its password from then on. */
const Token = z.object({
  principal: Name,
  token: z.string().max(200),
  until: UnixTime,
  /** The role: `observer`, `operator:1` to `operator:3`, `admin`. */
  role: Label.optional(),
})

/** An action or a refusal that the hub saw. */
export const AuditEntry = z.object({
  time: UnixTime,
  kind: z.enum(['login', 'refused', 'takeover', 'revoked', 'request']),
  principal: Label,
  client: z.string().max(200),
  /** Address and port. */
  from: Label,
  /**
   * For a request: the instance, the action (`acq.start`, `lock`) and the parameters, with secrets hidden.
   */
  instance: Label.optional(),
  what: z.string().max(200).optional(),
  params: z.string().max(1024).optional(),
  why: z.string().max(1000).optional(),
  /** For a refusal: how often it happened since the last entry. */
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
  /** The hub sends it to one client, without a subscription, when another connects with the same id. */
  ping: channel(`{root}/${HUB}/ping/{client}`, Ping, { qos: 1 }),
  /** To the client that published it, without a subscription, before the message is acknowledged. */
  refused: channel(`{root}/${HUB}/refused/{client}`, Refused, { qos: 1 }),
  /** For administrators. */
  audit: channel(`{root}/${HUB}/audit`, AuditEntry, { qos: 1 }),
  /** To a client that has connected with a name and a password, under an id matching `LOGIN`. */
  login: channel(`{root}/${HUB}/login/{client}`, Token, { qos: 1 }),
} as const

/** OCS's dotted address of a feed, as `.g3` files spell it: `observatory.ls240.feeds.temperatures`. */
export function feedAddress(root: string, instance: string, feed: string): string {
  return `${feedsAddress(root, instance)}.${feed}`
}

/** The instance in the address of a feed or of its contents; undefined if the root is a different one. */
export function instanceAt(root: string, address: string): string | undefined {
  return address.startsWith(`${root}.`) ? address.slice(root.length + 1).split('.')[0] : undefined
}

/** The common start of the addresses of all feeds of an instance: `observatory.ls240.feeds`. */
export function feedsAddress(root: string, instance: string): string {
  return `${root}.${instance}.feeds`
}
