/** Lines between `ocs up` and the runtime that several instances share: JSON, one a line. */
import { z } from 'zod'

/** To the runtime: to run an instance by a command line of `ocs` and an environment of its own; or to stop it. */
export const SharedOrder = z.union([
  z.strictObject({ start: z.string(), args: z.array(z.string()), env: z.record(z.string(), z.string()) }),
  z.strictObject({ stop: z.string() }),
])
export type SharedOrder = z.output<typeof SharedOrder>

/** From the runtime: what an instance logs; and that it has ended, with the exit code it would have had alone. */
export const SharedTold = z.union([
  z.strictObject({ instance: z.string(), log: z.string() }),
  z.strictObject({ instance: z.string(), code: z.int() }),
])
export type SharedTold = z.output<typeof SharedTold>

/** What a line says; undefined for one that is cut off, as the last of a process that was killed, or none of these. */
export function readShared<S extends z.ZodType>(schema: S, text: string): z.output<S> | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
