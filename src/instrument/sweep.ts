import { messageOf } from '../core/errors.ts'
import type { Value } from '../core/wire.ts'
import type { Part } from './parts.ts'
import type { Reading } from './table.ts'
import type { Link } from './transport/link.ts'

/** One block of a sweep: read at this time, unix s. */
export interface Sampled {
  readonly block: string
  readonly time: number
  readonly values: Record<string, Value>
  /** Fields without a value and without one to stand for that: the block cannot be published. */
  readonly missing: readonly string[]
}

/** What a sweep gave. */
export interface Sweep {
  readonly blocks: readonly Sampled[]
  /** Why a command was not answered with what it should be, by command. */
  readonly errors: Readonly<Record<string, string>>
}

/**
 * Reads everything once, in order. A command that fails costs its own fields only.
 * @throws TransportError when the link ends meanwhile
 */
export async function sweepOver(link: Link, readings: readonly Reading[]): Promise<Sweep> {
  const blocks = new Map<string, Sampled & { missing: string[] }>()
  const errors: Record<string, string> = {}
  for (const { block, command, fields, when } of readings) {
    const time = Date.now() / 1000
    const sampled = blocks.get(block) ?? { block, time, values: {}, missing: [] }
    blocks.set(block, sampled)
    let found: Record<string, Value> = {}
    try {
      if (when?.(sampled.values) ?? true)
        found = await link.read(command, (reply) => decode(fields, reply, command, errors), {
          priority: 'poll',
        })
    } catch (error) {
      link.closed.throwIfAborted()
      errors[command] ??= messageOf(error)
    }
    for (const [name, { type = 'double', unread }] of Object.entries(fields)) {
      const value = found[name] ?? unread ?? (type === 'double' ? Number.NaN : undefined)
      if (value === undefined) sampled.missing.push(name)
      else sampled.values[name] = value
    }
  }
  return { blocks: [...blocks.values()], errors }
}

/** The values that can be read; none at all throws, so that the link gets in step again. */
function decode(
  fields: Reading['fields'],
  reply: string,
  command: string,
  errors: Record<string, string>,
): Record<string, Value> {
  const found: Record<string, Value> = {}
  for (const [name, { part }] of Object.entries(fields)) {
    try {
      found[name] = (part as Part).decode(reply)
    } catch (error) {
      errors[command] ??= `${name}: ${messageOf(error)}`
    }
  }
  if (Object.keys(found).length === 0) throw new Error(errors[command])
  return found
}
