import { messageOf, TransportError } from '../core/errors.ts'
import { toWire, type Value } from '../core/wire.ts'
import type { Part } from './parts.ts'
import { type Reading, unreadOf } from './table.ts'
import type { Link } from './transport/link.ts'

/** One block of a sweep, with its time, unix s. */
export interface Sampled {
  readonly block: string
  readonly time: number
  readonly values: Record<string, Value>
  /** Whether every query failed, so that there is nothing to publish. */
  readonly isEmpty: boolean
}

/** The result of a sweep. */
export interface Sweep {
  readonly blocks: readonly Sampled[]
  /** Number of readings that returned something. */
  readonly read: number
  /** Commands without a valid answer. */
  readonly failed: ReadonlySet<string>
  /** What is wrong, by kind: a field of a command, or a whole command. */
  readonly faults: ReadonlyMap<string, string>
}

/**
 * Reads everything once, in order. An unreadable value loses only itself, a failed command only its own
 * fields.
 * @param heard is called after each reading that returned something
 * @throws TransportError if the link ends during the sweep
 */
export async function sweepOver(
  link: Link,
  readings: readonly Reading[],
  heard: () => void = () => {},
): Promise<Sweep> {
  const blocks = new Map<
    string,
    { time: number; values: Record<string, Value>; read: number; lost: number }
  >()
  const faults = new Map<string, string>()
  const failed = new Set<string>()
  for (const { block, command, fields, when } of readings) {
    const sampled = blocks.get(block) ?? { time: Date.now() / 1000, values: {}, read: 0, lost: 0 }
    blocks.set(block, sampled)
    const isAsked = when?.(sampled.values) ?? true
    let found: Record<string, Value> = {}
    try {
      if (isAsked) {
        const decode = (reply: string) =>
          valuesIn(reply, fields, (name, why) => faults.set(`${command} ${name}`, why))
        found = await link.read(command, decode, { priority: 'poll' })
        sampled.read++
        if (Object.keys(found).length < Object.keys(fields).length) failed.add(command)
        heard()
      }
    } catch (error) {
      link.closed.throwIfAborted()
      sampled.lost++
      failed.add(command)
      faults.set(command, messageOf(error))
    }
    for (const [name, field] of Object.entries(fields))
      if (isAsked || !(name in sampled.values)) sampled.values[name] = found[name] ?? unreadOf(name, field)
  }
  return {
    read: blocks.values().reduce((sum, { read }) => sum + read, 0),
    blocks: [...blocks].map(([block, { time, values, read, lost }]) => {
      return { block, time, values, isEmpty: read === 0 && lost > 0 }
    }),
    failed,
    faults,
  }
}

/** The readable values; if there are none it throws, so that the link gets in step again. */
function valuesIn(
  reply: string,
  fields: Reading['fields'],
  bad: (name: string, why: string) => void,
): Record<string, Value> {
  const found: Record<string, Value> = {}
  const faults: [name: string, why: string][] = []
  for (const [name, { part, type }] of Object.entries(fields)) {
    try {
      const value = (part as Part).decode(reply)
      found[name] = type === 'bool' ? truth(value) : value
    } catch (error) {
      faults.push([name, `${name}: ${messageOf(error)}`])
    }
  }
  if (Object.keys(found).length === 0) throw new Error(faults[0]?.[1])
  for (const [name, why] of faults) bad(name, why)
  return found
}

/** Booleans in all forms that parts return. */
const TRUTHS = new Map([
  ['1', true],
  ['true', true],
  ['0', false],
  ['false', false],
])

/** @throws TransportError for a value that is neither */
function truth(value: Value): boolean {
  const found = TRUTHS.get(String(value))
  if (found === undefined)
    throw new TransportError(`${JSON.stringify(toWire(value))} is neither true nor false (1, 0)`)
  return found
}
