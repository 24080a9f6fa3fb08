import { OpError } from '../core/errors.ts'
import type { Link } from './transport/link.ts'

/** A record as the instrument spells it; `row` of `codec.ts` makes them. */
export interface Format<V> {
  decode(reply: string): V
  encode(values: V): string
}

/**
 * Parameters that an instrument keeps: `NAME? key` shows them, `NAME key,values` sets them. `key` is a channel or an output;
 * there may be none.
 */
export interface Register<V extends object = Readonly<Record<string, unknown>>> {
  /** Its command: `PID`. */
  readonly name: string
  readonly record: Format<V>
  /** The query, where it is not the name with a question mark. */
  readonly query?: string
  /** Command that chooses the channel beforehand, in place of a key behind the name: SCPI's `INST:NSEL`. */
  readonly selectedBy?: string
  /** What a simulated instrument has at first; by key, where it differs. */
  readonly initial: V | ((key: string) => V)
}

/** The lines that ask for a register; nothing comes between them. */
export function queryOf({ name, query = `${name}?`, selectedBy }: Register, key: string): string {
  return selectedBy ? `${selectedBy} ${key}\n${query}` : `${query} ${key}`.trim()
}

/** The lines that set a register to a record, spelt already. */
export function commandOf({ name, selectedBy }: Register, key: string, record: string): string {
  if (selectedBy) return `${selectedBy} ${key}\n${name} ${record}`
  return `${name} ${key === '' ? record : `${key},${record}`}`
}

/** What the instrument has in a register. */
export function recall<V extends object>(link: Link, register: Register<V>, key = ''): Promise<V> {
  return link.read(queryOf(register as never, key), register.record.decode)
}

/**
 * Changes some values of a register and reads it back.
 * @returns the register as the instrument has it now
 * @throws OpError if it kept another value: many instruments pass over what they do not like
 */
export async function change<V extends object>(
  link: Link,
  register: Register<V>,
  key: string,
  wanted: Partial<V>,
): Promise<V> {
  const before = await recall(link, register, key)
  await link.send(commandOf(register as never, key, register.record.encode({ ...before, ...wanted })))
  const kept = await recall(link, register, key)
  for (const [field, value] of Object.entries(wanted) as [keyof V & string, unknown][]) {
    if (same(kept[field], value)) continue
    const what = `${register.name} ${key}`.trim()
    throw new OpError(`${what}: the instrument keeps ${field} ${kept[field]} instead of ${value}`)
  }
  return kept
}

/** Equal, or as equal as six digits can be. */
export function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return a === b
  return Math.abs(a - b) <= 1e-5 * Math.max(Math.abs(a), Math.abs(b))
}
