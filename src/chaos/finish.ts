import type { Bus } from '../bus/bus.ts'
import { waitingRows } from '../core/recording/waiting-rows.ts'
import { caller } from '../lab/request-client.ts'
import type { Strike } from './fault-event.ts'
import { utc } from './unix-seconds.ts'
import type { Watch } from './watch.ts'

/** Seconds at the end in which agents have to answer, and all they hold to be recorded. */
const STOP_SECONDS = 90
const RECORD_SECONDS = 180
/** Milliseconds between two looks. */
const LOOK_MS = 100

/**
 * Has all agents stop reading and waits until all they hold is recorded.
 * @param strikes where the end of each agent's readings is noted
 * @returns what did not come about, a sentence each
 */
export async function finish(
  bus: Bus,
  root: string,
  agents: readonly string[],
  watch: Watch,
  strikes: Strike[],
): Promise<string[]> {
  const troubles: string[] = []
  await using ask = await caller(bus, root)
  const stopReading = async (agent: string) => {
    const deadline = performance.now() + STOP_SECONDS * 1000
    for (;;) {
      const begin = utc()
      const answer = await ask.request(agent, 'acq', 'stop').catch(() => undefined)
      const late = performance.now() > deadline
      if (answer?.status !== 0 && !late) continue
      if (late) troubles.push(`${agent} could not be stopped within ${STOP_SECONDS} s`)
      await ask.request(agent, 'acq', 'wait', {}, 10).catch(() => undefined)
      const end = utc()
      strikes.push({ fault: 'end', target: agent, kind: 'agent', begin, end, back: end })
      break
    }
    // What it said before may lack its last rows.
    watch.held.delete(agent)
  }
  await Promise.all(agents.map(stopReading))
  const deadline = performance.now() + RECORD_SECONDS * 1000
  const left = () => agents.filter((agent) => unrecorded(watch, agent) !== 0)
  while (left().length > 0 && performance.now() < deadline) await Bun.sleep(LOOK_MS)
  for (const agent of left()) {
    const rows = unrecorded(watch, agent) ?? 'unknown'
    troubles.push(`${agent}: rows not recorded ${RECORD_SECONDS} s after the last fault: ${rows}`)
  }
  return troubles
}

/** Rows that an agent holds and no recorder has; undefined while it has not said. */
function unrecorded(watch: Watch, agent: string): number | undefined {
  const epochs = watch.held.get(agent)
  if (!epochs || epochs.some(({ skipped }) => skipped !== undefined)) return undefined
  return waitingRows({ all: { epochs } })
}
