/**
 * The lines between an agent that is a separate program and its runtime: one JSON object per line
 * (docs/protocol.md).
 */
import { z } from 'zod'
import { Tags } from '../core/channels.ts'
import { BlockName, FieldName, Name } from '../core/names.ts'
import type { OcsMessage } from '../core/ocs.ts'
import { schemaFault } from '../core/schema-fault.ts'
import { FieldType, TimeColumn, WireColumns } from '../core/wire.ts'
import { MOST_LINE } from './read-lines.ts'

/** A parameter of an operation, as declared by the program. */
const Param = z.object({
  type: z.enum(['number', 'integer', 'string', 'boolean', 'array', 'object']).optional(),
  choices: z.array(z.unknown()).optional(),
  default: z.unknown().optional(),
  required: z.boolean().default(false),
})
export type Param = z.output<typeof Param>

const OpDeclaration = z.object({
  kind: z.enum(['task', 'process']),
  help: z.string().default(''),
  /** Null if the program checks parameters itself. */
  params: z.record(z.string(), Param).nullable().default(null),
  /** Whether it starts with the agent, and with which parameters. */
  startup: z.boolean().or(z.record(z.string(), z.unknown())).default(false),
  min_privs: z.int().min(1).max(3).default(1),
})
const FeedKind = z.object({
  record: z.boolean(),
  frame_length: z.number().positive().optional(),
  exclude_influx: z.boolean().optional(),
})
export type FeedKind = z.output<typeof FeedKind>

/** The first line of a program: its declaration. */
export const Hello = z.object({
  agent_class: z.string(),
  help: z.string().default(''),
  ops: z.record(Name, OpDeclaration).default({}),
  feeds: z.record(Name, FeedKind).default({}),
  pid: z.int().optional(),
  /**
   * Whether its operations belong to another process and go on without it: they are not stopped with the
   * agent, nor restarted.
   */
  stays: z.boolean().default(false),
  /**
   * About its previous process, if that was killed: its pid and last row, the last row that is safe, and how
   * many rows had no room.
   */
  before: z.object({ pid: z.int(), rows: z.int(), safe: z.int(), refused: z.int() }).nullable().default(null),
})
export type Hello = z.output<typeof Hello>

/** A session of the program: its present state, and its messages since the last line. */
const SessionLine = z.object({
  op: z.string(),
  session_id: z.int(),
  status: z.enum(['starting', 'running', 'stopping', 'done']),
  degraded: z.boolean().default(false),
  success: z.boolean().nullable().default(null),
  data: z.unknown().optional(),
  messages: z.array(z.string()).default([]),
})
export type SessionLine = z.output<typeof SessionLine>

/**
 * A row to record, with a running number; answered once it is in the spool. `again`: an earlier process may
 * have sent it.
 */
const RowLine = z.object({
  row: z.int().min(1),
  feed: Name,
  block: BlockName,
  t: TimeColumn,
  data: WireColumns,
  types: z.record(FieldName, FieldType),
  again: z.boolean().default(false),
  /** Tags of its fields for InfluxDB, if they have changed. */
  tags: z.record(FieldName, Tags).optional(),
})
export type RowLine = z.output<typeof RowLine>

/** The lines that a program may write, by their identifying key. */
const lines = {
  hello: z.object({ hello: Hello }),
  row: RowLine,
  session: z.object({ session: SessionLine }),
  declared: z.object({ feed: Name, declared: FeedKind }),
  message: z.object({ feed: Name, message: z.unknown() }),
  /** The outcome of a request. */
  id: z.object({ id: z.int(), status: z.int(), msg: z.string() }),
  /** A call of another agent's procedure, in OCS's form; answered with the same number. */
  call: z.object({
    call: z.int(),
    procedure: z.string(),
    args: z.array(z.unknown()).default([]),
    kwargs: z.record(z.string(), z.unknown()).default({}),
  }),
  /** A subscription to other feeds: each message comes with this number. */
  subscribe: z.object({
    subscribe: z.int(),
    topic: z.string(),
    match: z.enum(['exact', 'prefix', 'wildcard']).default('exact'),
  }),
  /** Number of rows that it could not keep until they were answered. */
  lost: z.object({ lost: z.int().min(1) }),
}
export type FromProgram = z.output<(typeof lines)[keyof typeof lines]>

/** An ignored line, with the row's number if it is a row: that is answered all the same. */
export interface LeftOut {
  readonly why: string
  readonly number?: number
  /** Whether it should have been the program's declaration. */
  readonly isHello?: boolean
}

/** Reads one line of a program. */
export function readLine(text: string): FromProgram | LeftOut {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { why: 'it is not JSON', ...numberIn(text) }
  }
  const given = typeof json === 'object' && json !== null ? json : {}
  const kind = Object.keys(lines).find((key) => Object.hasOwn(given, key)) as keyof typeof lines | undefined
  if (!kind) return { why: `it needs one of ${Object.keys(lines).join(', ')}` }
  const line = lines[kind].safeParse(json)
  if (!line.success) return { why: schemaFault(line.error), isHello: kind === 'hello', ...numberIn(text) }
  if ('row' in line.data && lacks(line.data, given as RowLine))
    return { why: 'a field cannot be named __proto__ or constructor', number: line.data.row }
  return line.data
}

/** A line of which only the beginning was kept. */
export function tooLong(head: string): LeftOut {
  return { why: `it is longer than ${MOST_LINE >> 20} MiB`, ...numberIn(head) }
}

/** The number of an unreadable row, if it comes first in the line. */
function numberIn(text: string): { readonly number?: number } {
  const number = Number(/^\s*\{\s*"row"\s*:\s*(\d{1,15})\b/.exec(text.slice(0, 200))?.[1])
  return number >= 1 ? { number } : {}
}

/** Whether a checked row has fewer columns than given: zod drops names that every object has. */
function lacks(row: RowLine, given: RowLine): boolean {
  return Object.keys(row.data).length !== Object.keys(given.data).length
}

/** The lines sent to a program. */
export type ToProgram =
  | { readonly id: number; readonly do: 'start'; readonly op: string; readonly params: unknown }
  | { readonly id: number; readonly do: 'stop' | 'abort'; readonly op: string }
  /** The result of a call, or why it failed. */
  | { readonly called: number; readonly result: unknown }
  | { readonly called: number; readonly error: string }
  /** A message of a subscribed feed. */
  | { readonly heard: number; readonly message: OcsMessage }
  /** All rows up to this number are in the spool. */
  | { readonly rows: number }
  | { readonly do: 'end' }
  /**
   * The first line to a program that has started its runtime itself: the file for rows that are never
   * answered.
   */
  | { readonly do: 'begin'; readonly left: string }
