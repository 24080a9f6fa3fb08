/**
 * The position of single values in a reply: an agent reads them there, a simulated instrument writes them
 * there.
 */
import { counted } from '../core/counted.ts'
import { ConfigError, TransportError } from '../core/errors.ts'
import type { Value } from '../core/wire.ts'
import { type Cell, decimal } from './codec.ts'

/** One value of a reply. */
export interface Part<T extends Value = Value> {
  /** @throws TransportError if it is not there, or no such value */
  decode(reply: string): T
  /** Puts the value into a reply that has been split at its commas. */
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
 * The value at a place, counted from 0, of a comma-separated reply.
 * @param of the required number of values, if known: a decimal comma would shift the others
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
 * A value in a JSON reply, by its path: `$.temperature`, `$.sensors[0].value`, `$['a name']`. A number, text
 * or boolean there is read as the cell decodes it; a missing value, null or an object is a TransportError.
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
    // A simulated instrument has all its JSON values in one document.
    place: (parts, value) => {
      const document: unknown = parts[0] === undefined ? undefined : JSON.parse(parts[0])
      parts[0] = JSON.stringify(placed(document, steps, value))
    },
  }
}

/** The names and indices of a path. @throws ConfigError for an invalid one */
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

/** The document with a value set at the end of the steps. */
function placed(document: unknown, [step, ...more]: readonly string[], value: Value): unknown {
  if (step === undefined) return typeof value === 'bigint' ? Number(value) : value
  const at = (document ?? (/^\d+$/.test(step) ? [] : {})) as Record<string, unknown>
  at[step] = placed(at[step], more, value)
  return at
}
