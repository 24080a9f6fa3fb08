import { OpError } from '../core/errors.ts'
import type { Link } from './transport/link.ts'

/** How the instrument writes a record; `row` of `codec.ts` makes these. */
export interface Format<V> {
  decode(reply: string): V
  encode(values: V): string
}

/**
 * Parameters that an instrument stores: `NAME? key` shows them, `NAME key,values` sets them. `key` is a
 * channel or an output, or absent.
 */
export interface Register<V extends object = Readonly<Record<string, unknown>>> {
  /** Its command: `PID`. */
  readonly name: string
  readonly record: Format<V>
  /** The query, if it is not the name with a question mark. */
  readonly query?: string
  /** A command that first selects the channel, in place of a key after the name: SCPI's `INST:NSEL`. */
  readonly selectedBy?: string
  /** The initial values in a simulated instrument; by key, if they differ. */
  readonly initial: V | ((key: string) => V)
}

/** The lines that query a register; no other command comes between them. */
export function queryOf({ name, query = `${name}?`, selectedBy }: Register, key: string): string {
  return selectedBy ? `${selectedBy} ${key}\n${query}` : `${query} ${key}`.trim()
}

/** The lines that set a register to an encoded record. */
export function commandOf({ name, selectedBy }: Register, key: string, record: string): string {
  if (selectedBy) return `${selectedBy} ${key}\n${name} ${record}`
  return `${name} ${key === '' ? record : `${key},${record}`}`
}

/** The instrument's present values of a register. */
export function recall<V extends object>(link: Link, register: Register<V>, key = ''): Promise<V> {
  return link.read(queryOf(register as never, key), register.record.decode)
}

/**
 * Changes some values of a register and reads it back.
 * @returns the register as the instrument has it now
 * @throws OpError if it kept another value: many instruments silently ignore values they do not accept
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

/** Equal, or equal to about six digits. */
export function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return a === b
  return Math.abs(a - b) <= 1e-5 * Math.max(Math.abs(a), Math.abs(b))
}
