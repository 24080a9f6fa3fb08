import { z } from 'zod'
import { defineAgent } from '../core/agent.ts'
import { feedAddress, feedsAddress } from '../core/channels.ts'
import { Name } from '../core/names.ts'
import { poll } from '../core/poll.ts'
import { LiveCache } from './live-cache.ts'
import { NodeName, nameClaims } from './node-instance.ts'
import { answering, getData, getFields } from './queries.ts'
import { QuietTarget } from './quiet-target.ts'

/** How often the session's data are updated, Hz. */
const REPORT_HZ = 1

const node = defineAgent({
  class: 'ThermometryDataNode',
  aliases: ['DataFeedDataNode', 'ThermometryServer', 'DataFeedServer'],
  help: 'Serves the last hour of an agent to the bridge, as metrics NAME::field.',
  example: { target: 'ls240', name: 'LSA21OQ', description: 'LS240 unit in the lab.' },
  args: z.object({
    target: Name.describe('instance-id of the agent to serve'),
    name: NodeName.describe('first part of its metric names'),
    description: z.string().default('').describe('description of the measurement'),
    feed: Name.default('temperatures').describe('the feed to serve; "all" for all recorded ones'),
    buffer_time: z.number().positive().max(86_400).default(3600).describe('seconds kept in memory'),
  }),
  feeds: {},
  claims: nameClaims,
  serves: ({ name, description, target, feed }) => ({
    name,
    description,
    target,
    ...(feed !== 'all' && { feed }),
  }),
  connect: async ({ target, name, description, feed, buffer_time }, lab) => {
    const one = feed === 'all' ? undefined : feed
    const source = one === undefined ? feedsAddress(lab.root, target) : feedAddress(lab.root, target, one)
    lab.announceNode({ name, description, live: { source, keeps: buffer_time } })
    return new LiveCache(lab.root, target, one, buffer_time)
  },
}).process(
  'serve',
  {
    help: 'Fills the cache: from the target’s own memory at the start, then live.',
    data: z.object({ rows: z.number(), behind: z.number() }),
    startup: true,
  },
  async ({ args, instrument: cache, lab, session, signal }) => {
    const since = Date.now() / 1000 - args.buffer_time
    const of = { instance: args.target, ...(args.feed !== 'all' && { feed: args.feed }) }
    await using follower = await lab.follow(cache, { since, of: [of] })
    using _counted = lab.counters(() => {
      const { duplicates, holes, unnumbered, malformed } = follower.state
      return { duplicates, holes, unnumbered, quarantined: malformed }
    })
    await using target = new QuietTarget(lab, args)
    await poll(REPORT_HZ, { session, signal }, async () => {
      if (cache.rowsTaken > 0) await target.over(session)
      else await target.look(session)
      session.set({ rows: cache.rowsTaken, behind: follower.state.behind })
    })
  },
)

export default answering(node, getFields, getData)
