import { z } from 'zod'
import { checkParams } from '../core/arguments/check-params.ts'
import { coerce } from '../core/arguments/coerce.ts'
import { UsageError } from '../core/errors.ts'
import { notFound } from '../core/names.ts'
import type { Fault, Faults } from './faults.ts'
import type { Simulator } from './simulator.ts'

const often = {
  times: z.int().min(1).optional(),
  chance: z.number().gt(0).max(1).optional(),
}
const lasting = { ms: z.number().min(0).max(3_600_000).default(1000), ...often }

/** The parameters of each fault. */
const words: Readonly<Record<Fault['kind'], z.ZodObject>> = {
  delay: z.object(lasting),
  missing: z.object(often),
  garbage: z.object(often),
  nul: z.object(often),
  'half-line': z.object(often),
  split: z.object(lasting),
  duplicate: z.object(often),
  disconnect: z.object(lasting),
  reboot: z.object(lasting),
  hang: z.object({}),
  'serial-number': z.object({ serialNumber: z.string().min(1) }),
  value: z.object({ field: z.string().min(1), value: z.string().min(1) }),
  overload: z.object({
    channel: z
      .string()
      .regex(/^(\d+|A)$/, 'a number, or A')
      .transform((text) => (text === 'A' ? text : Number(text))),
  }),
}
const kinds = Object.keys(words)

/** A fault and how often it strikes, as `Faults.inject` takes them. */
type Spelled = Parameters<Faults['inject']>

/**
 * Parses a fault as people write it: `garbage`, `delay ms=3000 times=5`, `missing chance=0.1 times=1000`,
 * `overload channel=3`.
 * @throws UsageError with the wrong word and the valid ones
 */
export function parseFault(text: string): Spelled {
  const [kind = '', ...rest] = text.trim().split(/\s+/)
  const schema = Object.hasOwn(words, kind) ? words[kind as Fault['kind']] : undefined
  if (!schema) throw new UsageError(notFound('there is no fault', kind, kinds))
  const given = Object.fromEntries(
    rest.map((word) => {
      const [name = '', value] = word.split(/=(.*)/s)
      if (value === undefined) throw new UsageError(`fault ${kind}: "${word}" is not NAME=VALUE`)
      const type = Object.hasOwn(schema.shape, name) ? (schema.shape[name] as z.ZodType) : undefined
      const coerced = type ? coerce(type, [value]) : { value }
      if ('wants' in coerced)
        throw new UsageError(`fault ${kind}: "${name}": ${coerced.wants}, given "${value}"`)
      return [name, coerced.value]
    }),
  )
  const checked = checkParams(schema, given)
  if ('faults' in checked)
    throw new UsageError(`fault ${kind}: ${checked.faults.map((fault) => fault.text).join('; ')}`)
  const { times, chance, ...fault } = checked.values as Record<string, unknown>
  // The schema of each kind has exactly its keys.
  return [
    { kind, ...fault } as Fault,
    { ...(times !== undefined && { times }), ...(chance !== undefined && { chance }) } as Spelled[1],
  ]
}

/**
 * Carries out a line typed at a running simulator: a fault, `clear` or `clear KIND`, `unplug`, `plug`.
 * @returns what has been done
 * @throws UsageError for any other line
 */
export async function obey(simulator: Simulator, line: string): Promise<string> {
  const [word = '', kind] = line.trim().split(/\s+/)
  switch (word) {
    case 'unplug':
      await simulator.unplug()
      return 'unplugged'
    case 'plug':
      await simulator.plugIn()
      return `plugged in at ${simulator.url}`
    case 'clear':
      if (kind !== undefined && !kinds.includes(kind)) parseFault(kind)
      simulator.faults.clear(kind as Fault['kind'] | undefined)
      return kind === undefined ? 'all faults are over' : `${kind} is over`
    default:
      simulator.faults.inject(...parseFault(line))
      return `fault: ${line.trim()}`
  }
}
