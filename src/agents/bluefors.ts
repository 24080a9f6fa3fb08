import { resolve } from 'node:path'
import { z } from 'zod'
import { defineAgent } from '../core/agent.ts'
import type { Blocks, FieldSpec } from '../core/feed-spec.ts'
import { poll } from '../core/poll.ts'
import { Watch } from '../core/watch.ts'
import type { FileLine } from '../instrument/transport/file-tail.ts'
import type { Link } from '../instrument/transport/link.ts'
import { openLink } from '../instrument/transport/open.ts'
import { CountedLines } from './bluefors-copies.ts'
import { type Fault, type LogLine, parseLine } from './bluefors-logs.ts'

/** Looks at the files in a second, Hz. */
const LOOK_HZ = 1

/** The logs being followed; `seen` grows with their fields. */
interface Logs {
  readonly link: Link
  readonly seen: Record<string, Record<string, FieldSpec>>
  readonly counted: CountedLines
}

export default defineAgent({
  class: 'BlueforsAgent',
  help: 'Follows the logs that the control software of a Bluefors LD refrigerator writes.',
  args: z.object({
    log_directory: z.string().describe('the folder of the logs, with one folder per day, 21-05-27'),
    silence: z
      .number()
      .positive()
      .default(600)
      .describe('seconds without a new line before acq is degraded')
      .meta({ units: 's' }),
    mode: z.enum(['idle', 'acq']).default('acq').describe('what the agent starts by itself'),
  }),
  wiring:
    'None: the logs of the control software, on this machine or on a network drive. Their times are local times. Off the network: `ocs sim bluefors --serial-number=1 --dir=/tmp/logs`.',
  example: { log_directory: '/home/bluefors/logs' },
  feeds: {
    bluefors: {
      help: 'Temperatures, pressures, flow and states; one block per log.',
      record: true,
      frame_length: 600,
      blocks: ({ seen = {} }: Partial<Logs>): Blocks => seen,
    },
  },
  connect: async ({ log_directory }, _lab, signal): Promise<Logs> => {
    const address = /^(file|replay):/.test(log_directory)
      ? log_directory
      : `file:${resolve(log_directory)}/{yy}-{mm}-{dd}/*.log`
    const link = await openLink(address, { identify: null, signal })
    const logs = { link, seen: {}, counted: new CountedLines() }
    try {
      // The fields seen so far are declared at once; lines are published from here on.
      for (const { path, line } of (await take(link, 'last')).lines) {
        declare(logs, line)
        logs.counted.begin(path, line)
      }
      await link.query('read')
      return logs
    } catch (error) {
      await link.close()
      throw error
    }
  },
  idle: (instance) => `waiting for: ocs ctrl start --target=${instance}`,
}).process(
  'acq',
  { help: 'Publish each new line of the logs, with its own time.', startup: ({ mode }) => mode === 'acq' },
  async ({ instrument: logs, args: { silence }, feeds, session, signal }) => {
    const errors: Record<string, number> = {}
    const fields: Record<string, object> = {}
    const tell = ({ kind, text }: Fault) => {
      // Log names are unlimited, but the list of reported ones must not be.
      const known = kind in errors || Object.keys(errors).length < KINDS ? kind : 'more'
      if (!errors[known]) session.log(text)
      errors[known] = (errors[known] ?? 0) + 1
    }
    using watch = new Watch(1000 * silence, () => {
      session.log(
        `no line has come for ${silence} s: does the control software run, and is its folder mounted?`,
      )
      session.degraded = true
    })
    watch.heard()
    await poll(LOOK_HZ, { session, signal }, async () => {
      const { lines, faults } = await take(logs.link, 'read')
      const fresh = lines.filter(({ path, line }) => {
        const isFirst = logs.counted.add(path, line)
        const text = `${path}: its lines are those of another file of this log, which count: is it a copy?`
        if (!isFirst) tell({ kind: `copy of ${line.block}`, text })
        return isFirst
      })
      if (fresh.map(({ line }) => declare(logs, line)).includes(true)) feeds.bluefors.redeclare()
      for (const line of byTime(fresh.map(({ line }) => line))) {
        feeds.bluefors.publish(line.block, line.time, line.values)
        fields[line.block] = { timestamp: line.time, ...line.values }
      }
      for (const fault of faults) tell(fault)
      if (fresh.length > 0) {
        watch.heard()
        session.degraded = false
      } else if (faults.length > 0) session.degraded = true
      session.set({ fields, errors, timestamp: Date.now() / 1000 })
    })
  },
)

/** How many kinds of faults are reported and counted separately. */
const KINDS = 500

/** The lines that a command returns, and the faults of others. */
async function take(
  link: Link,
  command: 'read' | 'last',
): Promise<{ lines: { path: string; line: LogLine }[]; faults: Fault[] }> {
  const given = await link.read(command, (reply) => JSON.parse(reply) as FileLine[], { priority: 'poll' })
  const lines: { path: string; line: LogLine }[] = []
  const faults: Fault[] = []
  for (const [path, text, why] of given) {
    const parsed = text === null ? undefined : parseLine(path, text)
    if (parsed?.line) lines.push({ path, line: parsed.line })
    faults.push(...(parsed?.faults ?? [{ kind: `${path}: file`, text: `${path}: ${why}` }]))
  }
  return { lines, faults }
}

/**
 * Lines in the order of their times, each block's in its own: a day of logs that comes at once is recorded hour by hour, not
 * log by log.
 */
function byTime(lines: readonly LogLine[]): LogLine[] {
  const reached = new Map<string, number>()
  const timed = lines.map((line) => {
    // A log's clock may step back; later lines keep their order all the same.
    const at = Math.max(line.time, reached.get(line.block) ?? 0)
    reached.set(line.block, at)
    return { line, at }
  })
  return timed.sort((a, b) => a.at - b.at).map(({ line }) => line)
}

/** Whether a line has new fields; adds them. */
function declare({ seen }: Logs, { block, fields }: LogLine): boolean {
  seen[block] ??= {}
  const known = seen[block]
  const fresh = Object.keys(fields).some((name) => !Object.hasOwn(known, name))
  if (fresh) Object.assign(known, { ...fields, ...known })
  return fresh
}
