/** How single values stand in a reply: found there by an agent, put there by a simulated instrument. */
import { counted } from '../core/counted.ts'
import { ConfigError, TransportError } from '../core/errors.ts'
import type { Value } from '../core/wire.ts'
import { type Cell, decimal } from './codec.ts'

/** One value of a reply. */
export interface Part<T extends Value = Value> {
  /** @throws TransportError if it is not there, or no such value */
  decode(reply: string): T
  /** Puts the value into a reply that is taken apart at its commas. */
  place(parts: string[], value: T): void
}

/** The whole reply is the value. */
export function whole<T extends Value>(cell: Cell<T>): Part<T> {
  return {
    decode: cell.decode,
    place: (parts, value) => {
      parts[0] = cell.encode(value)
    },
  }
}

/**
 * The value at a place of a reply with commas between, counted from 0.
 * @param of how many values there have to be, where that is known: a decimal comma would move the others
 */
export function nth<T extends Value>(place: number, cell: Cell<T>, of?: number): Part<T> {
  return {
    decode: (reply) => {
      const parts = reply.split(',')
      const part = parts[place]
      if (of !== undefined && parts.length !== of)
        throw new TransportError(
          `expected ${counted(of, 'value')}, got ${parts.length} in ${JSON.stringify(reply)}`,
        )
      if (part === undefined)
        throw new TransportError(`there is no item ${place}, counted from 0, in ${JSON.stringify(reply)}`)
      return cell.decode(part)
    },
    place: (parts, value) => {
      parts[place] = cell.encode(value)
    },
  }
}

/**
 * A value in a reply that is JSON, by its path: `$.temperature`, `$.sensors[0].value`, `$['a name']`. A number, text or truth
 * value there is read as the cell spells it; what is not there, null or an object is a TransportError.
 */
export function json<T extends Value = number>(
  path: string,
  cell: Cell<T> = decimal as unknown as Cell<T>,
): Part<T> {
  const steps = stepsOf(path)
  return {
    decode: (reply) => {
      let at: unknown = parsed(reply)
      for (const step of steps)
        at = typeof at === 'object' && at !== null && Object.hasOwn(at, step) ? at[step as never] : undefined
      if (typeof at === 'boolean') return cell.decode(at ? '1' : '0')
      if (typeof at === 'number' || typeof at === 'string') return cell.decode(String(at))
      throw new TransportError(
        `${path}: ${at === undefined ? 'not there' : 'no value'} in ${JSON.stringify(reply.slice(0, 80))}`,
      )
    },
    // A simulated instrument has all its values of JSON in one document.
    place: (parts, value) => {
      const document: unknown = parts[0] === undefined ? undefined : JSON.parse(parts[0])
      parts[0] = JSON.stringify(placed(document, steps, value))
    },
  }
}

/** The names and numbers of a path. @throws ConfigError for one that cannot be meant */
function stepsOf(path: string): readonly string[] {
  const step = /\.([A-Za-z_][\w-]*)|\[(\d+)\]|\['([^']*)'\]/y
  const steps: string[] = []
  let at = 1
  for (; at < path.length; at = step.lastIndex) {
    step.lastIndex = at
    const [found, name, number, quoted] = step.exec(path) ?? []
    if (found === undefined) break
    steps.push(name ?? number ?? quoted ?? '')
  }
  if (!path.startsWith('$') || at < path.length)
    throw new ConfigError(
      `${JSON.stringify(path)} is not a path such as $.temperature, $.sensors[0].value or $['a name']`,
    )
  return steps
}

function parsed(reply: string): unknown {
  try {
    return JSON.parse(reply)
  } catch (cause) {
    throw new TransportError(`expected JSON, got ${JSON.stringify(reply.slice(0, 80))}`, { cause })
  }
}

/** The document with a value at the end of the steps. */
function placed(document: unknown, [step, ...more]: readonly string[], value: Value): unknown {
  if (step === undefined) return typeof value === 'bigint' ? Number(value) : value
  const at = (document ?? (/^\d+$/.test(step) ? [] : {})) as Record<string, unknown>
  at[step] = placed(at[step], more, value)
  return at
}
