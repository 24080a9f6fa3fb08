import { z } from 'zod'
import { defineAgent } from '../core/agent.ts'
import { systemClock } from '../core/clock.ts'
import type { Blocks } from '../core/feed-spec.ts'
import type { LabAgents } from '../core/lab.ts'
import { fieldOf } from '../core/names.ts'
import { OpCode } from '../core/ops.ts'
import { poll } from '../core/poll.ts'

/** How often it checks which agents are alive, Hz. */
const LOOK_HZ = 1
const BLOCK_HELP =
  'op code: 1 none, 2 starting, 3 running, 4 stopping, 5 succeeded, 6 failed, 7 expired, 8 degraded'

/** One agent as the session shows it; names as in OCS. */
const Entry = z.object({
  /** Whether it has gone, or has been silent for a while. */
  expired: z.boolean(),
  /** Unix s at which it was found to be gone; null while it is there. */
  time_expired: z.number().nullable(),
  /** Unix s of its last sign of life. */
  last_updated: z.number(),
  op_codes: z.record(z.string(), z.int()),
  agent_class: z.string(),
  agent_address: z.string(),
})
type Entry = z.output<typeof Entry>

/** Fields that have been seen so far: the feed's declaration grows with the lab. */
interface Seen {
  readonly fields: Set<string>
}

export default defineAgent({
  class: 'RegistryAgent',
  help: 'Keeps a list of all agents and what their operations do, and records it.',
  args: z.object({
    wait_time: z
      .number()
      .positive()
      .max(3600)
      .default(30)
      .describe('seconds between records of all op codes, changed or not')
      .meta({ units: 's' }),
  }),
  feeds: {
    agent_operations: {
      help: 'Op codes of all operations of all agents.',
      record: true,
      blocks: ({ fields }: Seen): Blocks =>
        Object.fromEntries(
          [...fields].map((field) => [field, { [field]: { type: 'int', description: BLOCK_HELP } }]),
        ),
    },
  },
  connect: async (): Promise<Seen> => ({ fields: new Set() }),
})
  .process(
    'main',
    {
      help: 'Watch all agents.',
      params: z.object({ test_mode: z.boolean().default(false).describe('stop after one round') }),
      data: z.record(z.string(), Entry),
      startup: true,
    },
    async ({ params, args, instrument: seen, feeds, lab, session, signal }) => {
      await using agents = await lab.agents()
      const entries: Record<string, Entry> = {}
      const written = new Map<string, number>()
      let full = -Infinity
      const look = () => {
        refresh(entries, agents, lab.root)
        const codes = codesOf(entries)
        const fresh = [...codes.keys()].filter((field) => !seen.fields.has(field))
        for (const field of fresh) seen.fields.add(field)
        if (fresh.length > 0) feeds.agent_operations.redeclare()
        const all = performance.now() - full > args.wait_time * 1000
        if (all) full = performance.now()
        for (const [field, code] of codes) {
          if (!all && written.get(field) === code) continue
          written.set(field, code)
          feeds.agent_operations.publish(field, Date.now() / 1000, { [field]: code })
        }
        session.set(entries)
      }
      // Retained topics arrive within the first second.
      await systemClock.sleep(1000 / LOOK_HZ, signal)
      const done = new AbortController()
      await poll(LOOK_HZ, { session, signal: AbortSignal.any([signal, done.signal]) }, async () => {
        look()
        if (params.test_mode) done.abort()
      })
    },
  )
  .task(
    'register_agent',
    { help: 'Accepted for clients of OCS: agents are known from their presence on the hub.' },
    async () => 'Nothing to do: agents are known from their presence.',
  )

/** Brings the entries up to date; who was seen once stays in the list, as in OCS. */
function refresh(entries: Record<string, Entry>, { instances }: LabAgents, root: string): void {
  for (const [instance, { presence, sessions, state }] of instances) {
    if (!presence) continue
    const address = `${root}.${instance}`
    const old = entries[address]
    const expired = state !== 'online'
    const codes = [...sessions].map(
      ([op, session]) => [op, expired ? OpCode.EXPIRED : session.op_code] as const,
    )
    entries[address] = {
      expired,
      time_expired: expired ? (old?.time_expired ?? Date.now() / 1000) : null,
      last_updated: Math.max(presence.time, old?.last_updated ?? 0),
      op_codes: Object.fromEntries(codes),
      agent_class: presence.agent_class,
      agent_address: address,
    }
  }
}

/** Every operation's code, by the field's name: `observatory_ls240_acq`. */
function codesOf(entries: Readonly<Record<string, Entry>>): Map<string, number> {
  return new Map(
    Object.entries(entries).flatMap(([address, { op_codes }]) =>
      Object.entries(op_codes).map(([op, code]) => [fieldOf(`${address}_${op}`), code] as const),
    ),
  )
}
