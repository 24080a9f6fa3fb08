import type { FeedDeclaration } from '../../src/core/channels.ts'
import { Spool } from '../../src/runtime/spool/spool.ts'

/** Seconds, and samples per second, of the spool that `spoolAnHour` writes. */
export const HOUR = 3600
export const HERTZ = 10

/**
 * Writes an hour of 10 Hz to an agent's spool, as if it had run all the time.
 * @param channels fields `Channel_1_T` …
 * @returns the time of its last sample, unix s
 */
export async function spoolAnHour(file: string, channels = 8): Promise<number> {
  const names = Array.from({ length: channels }, (_, at) => `Channel_${at + 1}_T`)
  const declaration: FeedDeclaration = {
    agent_class: 'Lakeshore240Agent',
    record: true,
    frame_length: 60,
    blocks: { temps: Object.fromEntries(names.map((name) => [name, { type: 'double', units: 'K' }])) },
  }
  const spool = new Spool(file)
  const end = Date.now() / 1000
  for (let i = 0; i < HOUR * HERTZ; i++) {
    const t = [end - HOUR + (i + 1) / HERTZ]
    const data = Object.fromEntries(names.map((name, at) => [name, [at + i / 1e5]]))
    spool.append('temperatures', declaration, { epoch: 'before', block: 'temps', t, data })
    if (i % 2000 === 1999) await spool.flush()
  }
  await spool.flush()
  await spool.close()
  return end
}
