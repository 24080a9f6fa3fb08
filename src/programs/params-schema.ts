import { z } from 'zod'
import type { Param } from './lines.ts'

const types: Readonly<Record<NonNullable<Param['type']>, () => z.ZodType>> = {
  number: () => z.number(),
  integer: () => z.int(),
  string: () => z.string(),
  boolean: () => z.boolean(),
  array: () => z.array(z.unknown()),
  object: () => z.record(z.string(), z.unknown()),
}

/**
 * A schema that checks the parameters of an operation and draws its form; it accepts anything if the program
 * declares none.
 */
export function paramsSchema(params: Readonly<Record<string, Param>> | null): z.ZodObject {
  if (!params) return z.looseObject({})
  return z.object(Object.fromEntries(Object.entries(params).map(([name, param]) => [name, schemaOf(param)])))
}

function schemaOf({ type, choices, default: usual, required }: Param): z.ZodType {
  const words = choices?.filter((choice) => typeof choice === 'string') ?? []
  // The program checks choices of other types.
  const isWords = choices !== undefined && words.length === choices.length && words.length > 0
  const schema = isWords ? z.enum(words) : type ? types[type]() : z.unknown()
  if (usual !== undefined) return schema.prefault(usual as never)
  return required ? schema : schema.nullable().optional()
}
