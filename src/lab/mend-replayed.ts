import { FeedDeclaration, FieldInfo, type Replayed, Row } from '../core/channels.ts'
import { BlockName, FieldName } from '../core/names.ts'
import { schemaFault } from '../core/schema-fault.ts'

/** Strings of JSON, and what Python writes for doubles that JSON does not have. */
const BARE = /"[^"\\]*(?:\\.[^"\\]*)*"|\bNaN\b|-?\bInfinity\b/g
/** Seconds a frame spans where a declaration does not say. */
const FRAME = 60

/**
 * What can be saved of an answer that does not fit: its rows are judged one by one, and those that do not fit are named in
 * `left_out`. What a declaration has wrong goes from it.
 * @returns undefined when it is not JSON, or does not say where it ends
 */
export function mendReplayed(text: string): Replayed | undefined {
  const answer = record(parse(text))
  if (!answer || !Array.isArray(answer['rows'])) return undefined
  const { feed, epoch, next, head } = answer
  if (typeof feed !== 'string' || typeof epoch !== 'string') return undefined
  if (!isSeq(next) || (head !== 0 && !isSeq(head))) return undefined
  const rows: Row[] = []
  const left_out: { seq: number; why: string }[] = []
  let expected = next - answer['rows'].length
  for (const each of answer['rows'] as unknown[]) {
    const told = record(each)?.['seq']
    const seq = isSeq(told) && told >= expected && told < next ? told : Math.max(1, expected)
    const { data: row, error } = Row.safeParse(each)
    if (row?.seq === seq && row.epoch === epoch) rows.push(row)
    else left_out.push({ seq, why: error ? schemaFault(error) : 'its epoch or seq is not the one requested' })
    expected = seq + 1
  }
  const declared = answer['declaration']
  return {
    feed,
    epoch,
    rows,
    next,
    head: head as number,
    left_out,
    ...(declared !== undefined && { declaration: mendDeclaration(declared) }),
  }
}

/** JSON in which a bare NaN or Infinity is an empty object, which fits no place of a number. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text.replaceAll(BARE, (found) => (found.startsWith('"') ? found : '{}')))
  } catch {
    return undefined
  }
}

function mendDeclaration(declared: unknown): FeedDeclaration {
  const whole = FeedDeclaration.safeParse(declared)
  if (whole.success) return whole.data
  const { agent_class, frame_length, exclude_influx, blocks } = record(declared) ?? {}
  const { data: length = FRAME } = FeedDeclaration.shape.frame_length.safeParse(frame_length)
  const kept = entries(blocks).filter(([block]) => BlockName.safeParse(block).success)
  return {
    agent_class: typeof agent_class === 'string' ? agent_class : '',
    record: true,
    frame_length: length,
    ...(exclude_influx === true && { exclude_influx }),
    blocks: Object.fromEntries(kept.map(([block, fields]) => [block, mendFields(fields)])),
  }
}

function mendFields(fields: unknown): Record<string, FieldInfo> {
  const kept = entries(fields).flatMap(([field, info]) => {
    const { data } = FieldInfo.safeParse(info)
    return data && FieldName.safeParse(field).success ? [[field, data] as const] : []
  })
  return Object.fromEntries(kept)
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

function entries(value: unknown): [string, unknown][] {
  return Object.entries(record(value) ?? {})
}

function isSeq(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1
}
