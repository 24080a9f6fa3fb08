/** Lines between `ocs up` and the runtime that several instances share: JSON, one object per line. */
import { z } from 'zod'

/** To the runtime: run an instance by a command line of `ocs` and its own environment; or stop it. */
export const SharedOrder = z.union([
  z.strictObject({ start: z.string(), args: z.array(z.string()), env: z.record(z.string(), z.string()) }),
  z.strictObject({ stop: z.string() }),
])
export type SharedOrder = z.output<typeof SharedOrder>

/**
 * From the runtime: a log line of an instance; or its end, with the exit code that it would have had alone.
 */
export const SharedTold = z.union([
  z.strictObject({ instance: z.string(), log: z.string() }),
  z.strictObject({ instance: z.string(), code: z.int() }),
])
export type SharedTold = z.output<typeof SharedTold>

/**
 * Parses a line; undefined if it is cut off, as the last one of a killed process may be, or is neither of
 * these.
 */
export function readShared<S extends z.ZodType>(schema: S, text: string): z.output<S> | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
