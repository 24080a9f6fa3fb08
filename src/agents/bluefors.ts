import { resolve } from 'node:path'
import { z } from 'zod'
import { type Blocks, defineAgent, type FieldSpec } from '../core/agent.ts'
import { messageOf } from '../core/errors.ts'
import { poll } from '../core/poll.ts'
import type { FileLine } from '../instrument/transport/file-tail.ts'
import type { Link } from '../instrument/transport/link.ts'
import { openLink } from '../instrument/transport/open.ts'
import { type LogLine, parseLine } from './bluefors-logs.ts'

/** Looks at the files in a second, Hz. */
const LOOK_HZ = 1

/** The logs as they are followed: `seen` grows with what stands in them. */
interface Logs {
  readonly link: Link
  readonly seen: Record<string, Record<string, FieldSpec>>
}

export default defineAgent({
  class: 'BlueforsAgent',
  help: 'Follows the logs that the control software of a Bluefors LD refrigerator writes.',
  args: z.object({
    log_directory: z.string().describe('the folder of the logs, which has a folder a day, 21-05-27'),
    mode: z.enum(['idle', 'acq']).default('acq').describe('what starts with the agent'),
  }),
  wiring:
    'None: the logs of the control software, on this machine or on a network drive. Their times are taken for local ones. Off the network: `ocs sim bluefors --serial-number=1 --dir=/tmp/logs`.',
  example: { log_directory: '/home/bluefors/logs' },
  feeds: {
    bluefors: {
      help: 'Temperatures, pressures, flow and states; a block a log.',
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
    const logs = { link, seen: {} }
    try {
      // What the logs have so far is declared at once; lines are published from here on.
      for (const line of (await take(link, 'last')).lines) declare(logs, line)
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
  async ({ instrument: logs, feeds, session, signal }) => {
    const told = new Set<string>()
    const fields: Record<string, object> = {}
    await poll(LOOK_HZ, { session, signal }, async () => {
      const { lines, faults } = await take(logs.link, 'read')
      if (lines.map((line) => declare(logs, line)).includes(true)) feeds.bluefors.redeclare()
      for (const { block, time, values } of lines) {
        feeds.bluefors.publish(block, time, values)
        fields[block] = { timestamp: time, ...values }
      }
      for (const fault of faults.filter((text) => !told.has(text))) {
        // Each is told once, and no more than can be read.
        if (told.size < 100) session.log(fault)
        told.add(fault)
      }
      session.degraded = faults.length > 0 && lines.length === 0
      session.set({ fields, timestamp: Date.now() / 1000 })
    })
  },
)

/** The lines that a command gives, and what is wrong with others. */
async function take(link: Link, command: 'read' | 'last'): Promise<{ lines: LogLine[]; faults: string[] }> {
  const given = await link.read(command, (reply) => JSON.parse(reply) as FileLine[], { priority: 'poll' })
  const lines: LogLine[] = []
  const faults: string[] = []
  for (const [path, text, why] of given) {
    try {
      const line = text === null ? undefined : parseLine(path, text)
      if (line) lines.push(line)
      else if (text === null) faults.push(`${path}: ${why}`)
    } catch (error) {
      faults.push(messageOf(error))
    }
  }
  return { lines, faults }
}

/** Whether a line has fields that were not there before; they are now. */
function declare({ seen }: Logs, { block, fields }: LogLine): boolean {
  seen[block] ??= {}
  const known = seen[block]
  const fresh = Object.keys(fields).some((name) => !(name in known))
  if (fresh) Object.assign(known, { ...fields, ...known })
  return fresh
}
