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
