import { z } from 'zod'
import { defineAgent } from '../core/agent.ts'
import { aborted } from '../core/pause.ts'
import { RecordedInstances } from '../core/recording/recorded-instances.ts'
import type { Database } from './database.ts'
import { FromArchive } from './from-archive.ts'
import { PROTOCOLS } from './line-protocol.ts'
import { RowWriter } from './row-writer.ts'
import { Written } from './written.ts'

/** Milliseconds between two updates of the session's data. */
const SHOW_MS = 1000

/** The flags shared by all sinks of line protocol, named as in OCS's agents. */
export const sinkArgs = z.object({
  initial_state: z.enum(['idle', 'record']).default('record').describe('whether it records when it starts'),
  protocol: z
    .enum(PROTOCOLS)
    .default('line')
    .describe('how OCS formats points: json has times in whole microseconds, and names in order'),
  gzip: z.boolean().default(false).describe('whether what is sent is compressed'),
  record_unknown: z
    .boolean()
    .default(false)
    .describe('also write data of instances that are not in the site file'),
})

/** A sink of line protocol. */
interface SinkSpec<A extends z.ZodObject> {
  /** The `agent-class` of site files. */
  readonly class: string
  readonly help: string
  /** `sinkArgs`, and its own flags. */
  readonly args: A
  readonly example: Readonly<Partial<z.input<A>>>
  /** The destination of its points. @throws ConfigError if it is invalid */
  database(args: z.output<A>): Database
}

/**
 * Declares an agent that writes all recorded feeds to a database: rows come by `lab.follow`, as for the
 * recorder, and how far they are written is kept in the agent's state.
 */
export function defineSink<A extends typeof sinkArgs>(spec: SinkSpec<A>) {
  return defineAgent({
    class: spec.class,
    help: spec.help,
    args: spec.args,
    example: spec.example,
    feeds: {},
    check: (args, log) => log(`writes to ${spec.database(args as z.output<A>).name}`),
    connect: async (args) => ({ database: spec.database(args as z.output<A>) }),
    idle: (instance) => `waiting for: ocs ctrl start ${instance} record`,
  }).process(
    'record',
    {
      help: 'Write all feeds to the database.',
      data: z.object({
        connected: z.boolean(),
        last_updated: z.number().nullable(),
        behind: z.number(),
        problem: z.string().nullable(),
      }),
      startup: ({ initial_state }) => initial_state === 'record',
    },
    async ({ args, instrument: { database }, lab, session, signal }) => {
      const { protocol, record_unknown } = args
      await using agents = await lab.agents({ sessions: false })
      const instances = new RecordedInstances(lab, agents, record_unknown)
      const written = new Written(lab.memory, Date.now() / 1000)
      const told = new Set<string>()
      const writer = new RowWriter({
        ...{ root: lab.root, database, protocol, written },
        wants: (instance) => instances.wants(instance),
        refused(points, why) {
          const kind = why.replaceAll(/\d+/g, '')
          if (told.has(kind) || told.size > 100) return
          told.add(kind)
          lab.event('warning', 'refused', `${database.name} refuses ${points} points: ${why}`)
        },
      })
      await using follower = await lab.follow(writer)
      const behind = () => follower.state.behind
      const archives = new FromArchive({
        ...{ lab, agents, writer, written, protocol },
        behind: () => behind() > 0,
      })
      using _counted = lab.counters(() => {
        const { duplicates, holes, unnumbered, malformed } = follower.state
        const { points: archived } = archives
        const { unsettled } = writer
        return {
          duplicates,
          holes,
          unnumbered,
          quarantined: malformed,
          ...writer.counters,
          archived,
          unsettled,
        }
      })
      const show = () => {
        const problem = writer.problem ?? archives.problem ?? lab.memory.problem() ?? instances.problem
        session.set({
          connected: writer.problem === undefined && writer.lastWritten !== undefined,
          last_updated: writer.lastWritten ?? null,
          behind: behind() + writer.waiting,
          problem: problem ?? null,
        })
        if (problem === undefined) session.degraded = false
        else session.degrade(problem)
      }
      const timer = setInterval(show, SHOW_MS)
      const work = Promise.all([writer.run(signal), archives.run(signal)])
      try {
        await Promise.race([work, aborted(signal)])
        await follower[Symbol.asyncDispose]()
        await work
      } finally {
        clearInterval(timer)
      }
      show()
    },
  )
}
