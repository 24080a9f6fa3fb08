import type { FeedDeclaration, Row } from '../core/channels.ts'
import { fromWire, type Value, type Wire } from '../core/wire.ts'

/** Co-sampled values of one block of a feed, as a client reads them. */
export interface FeedRow {
  readonly block: string
  /** Unix seconds, UTC, of the readings. */
  readonly times: readonly number[]
  /** Per field one value for each time; NaN where a double has none. */
  readonly values: Readonly<Record<string, readonly Value[]>>
}

/** The newest value of each field of a feed. */
export interface LastValues {
  /** Unix seconds, UTC, of the newest of them. */
  readonly timestamp: number
  readonly values: Readonly<Record<string, Value>>
}

const SPELLED = new Map<unknown, number>(
  ['NaN', 'Infinity', '-Infinity', '-0'].map((text) => [text, Number(text)]),
)

/** A row off the wire with its numbers as they were. */
export function restoreRow(declaration: FeedDeclaration | undefined, { block, t, data }: Row): FeedRow {
  const fields = declaration?.blocks[block]
  const values = Object.entries(data).map(([name, column]) => {
    const type = fields?.[name]?.type
    return [name, column.map((wire) => restored(type, wire))] as const
  })
  return { block, times: t, values: Object.fromEntries(values) }
}

/** What a feed keeps for late joiners, with its numbers as they were. */
export function restoreLast(
  declaration: FeedDeclaration | undefined,
  { timestamp, ...last }: Readonly<Record<string, Wire>>,
): LastValues {
  const fields = Object.assign({}, ...Object.values(declaration?.blocks ?? {})) as Partial<
    FeedDeclaration['blocks'][string]
  >
  const values = Object.entries(last).map(
    ([name, wire]) => [name, restored(fields[name]?.type, wire)] as const,
  )
  return { timestamp: Number(timestamp), values: Object.fromEntries(values) }
}

/**
 * A session's data with the numbers as they were that JSON cannot carry. Session data has no declared types on the wire, so a
 * text that reads `NaN`, `Infinity`, `-Infinity` or `-0` turns into that number too.
 */
export function restoreData(data: unknown): unknown {
  if (typeof data === 'string') return SPELLED.get(data) ?? data
  if (Array.isArray(data)) return data.map(restoreData)
  if (typeof data !== 'object' || data === null) return data
  return Object.fromEntries(Object.entries(data).map(([key, item]) => [key, restoreData(item)]))
}

/** By the field's type; what nobody declared, or does not fit, by its looks. */
function restored(type: Parameters<typeof fromWire>[0] | undefined, wire: Wire): Value {
  return (type && fromWire(type, wire)) ?? SPELLED.get(wire) ?? wire ?? Number.NaN
}
