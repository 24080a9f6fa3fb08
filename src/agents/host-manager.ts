import { z } from 'zod'
import { defineAgent } from '../core/agent.ts'
import { OpError } from '../core/errors.ts'
import type { ManagedHost, ManagedInstance } from '../core/managed-host.ts'
import { aborted } from '../core/pause.ts'

/** Milliseconds between two updates of the session's data where nothing changes but an instance's stability. */
const SHOW_MS = 1000
const CONTAINERS = 'Docker itself starts and stops containers'

const Requests = z
  .array(z.tuple([z.string(), z.enum(['up', 'down'])]))
  .default([])
  .describe('pairs of an instance-id, or all, and up or down: [["ls240", "down"]]')

const Child = z.object({
  /** Its present state; `wait_start`: it has ended and will be restarted. */
  next_action: z.enum(['up', 'down', 'wait_start', 'wait_dead']),
  target_state: z.enum(['up', 'down']),
  stability: z.number(),
  agent_class: z.string(),
  instance_id: z.string(),
  operable: z.boolean(),
  restart_required: z.boolean(),
})
const ManagerData = z.object({
  child_states: z.array(Child),
  /** By file: whether it could be used, when it was read (unix s), and what was found. */
  config_parse_status: z.record(z.string(), z.tuple([z.boolean(), z.number(), z.string()])),
  /** Containers without an instance; none here. */
  orphans: z.array(z.string()),
})

/** What the agent is connected to. */
interface Managed {
  readonly host: ManagedHost | undefined
  /** Whether its process runs. */
  runs: boolean
}

/** OCS's host manager: what `ocs up` does, over the bus. */
export default defineAgent({
  class: 'HostManager',
  aliases: ['HostManagerAgent'],
  claims: () => [{ key: 'host manager', text: 'the place of host manager', local: true }],
  help: 'Starts and stops the instances of its host on request: ocs up, over the bus.',
  args: z.object({
    initial_state: z
      .enum(['up', 'down'])
      .optional()
      .describe('state of all instances at the start, instead of what the site file says'),
  }),
  retired: {
    docker_compose: CONTAINERS,
    docker_service_prefix: CONTAINERS,
    docker_compose_bin: CONTAINERS,
    quiet: 'ocs up --detach prints nothing',
  },
  feeds: {},
  connect: async (_, { host }): Promise<Managed> => ({ host, runs: false }),
})
  .process(
    'manager',
    {
      help: 'Keep the instances of this host in their target states; stopping it stops them all.',
      params: z.object({
        requests: Requests,
        reload_config: z.boolean().default(true).describe('begin with the current site file'),
      }),
      data: ManagerData,
      // Instances that start by themselves do so with or without a hub.
      startup: { reload_config: false },
    },
    async ({ params, instrument, session, signal }) => {
      const host = managed(instrument)
      if (params.reload_config) await host.reload(true)
      host.request(params.requests)
      const show = (soon: boolean) => {
        session.set(dataOf(host), soon)
        const failing = host.instances.find(isFailing)
        if (failing) session.degrade(`${failing.instance_id} has ended and will be restarted`)
        else session.degraded = false
      }
      show(true)
      instrument.runs = true
      using _ = host.onChange(() => show(true))
      const timer = setInterval(() => show(false), SHOW_MS)
      await aborted(signal)
      clearInterval(timer)
      instrument.runs = false
      host.request([['all', 'down']])
      show(true)
      return 'Exited.'
    },
  )
  .task(
    'update',
    {
      help: 'Start or stop instances of this host.',
      params: z.object({
        requests: Requests,
        reload_config: z.boolean().default(false).describe('read the site file first'),
      }),
    },
    async ({ params, instrument }) => {
      const host = managed(instrument)
      if (!instrument.runs) throw new OpError('Manager process is not running; params not updated.')
      if (params.reload_config) await host.reload(false)
      host.request(params.requests)
      return 'Update requested.'
    },
  )
  .task('remove_orphans', { help: `Accepted for clients of OCS: ${CONTAINERS}.` }, async () => containers())
  .task('docker_pull', { help: `Accepted for clients of OCS: ${CONTAINERS}.` }, async () => containers())
  .task('die', { help: 'Stop all instances of this host, and ocs up itself.' }, async ({ instrument }) => {
    managed(instrument).quit()
    return 'This HostManager should terminate in about 1 second.'
  })

function managed({ host }: Managed): ManagedHost {
  if (host) return host
  throw new OpError('There is no host to manage here: run it by ocs up, or by ocs agent with a site file.')
}

/** Meant to be up, and on its way there at best. */
function isFailing({ target_state, next_action, operable }: ManagedInstance): boolean {
  return operable && target_state === 'up' && next_action === 'wait_start'
}

function containers(): string {
  return `Nothing to do: ${CONTAINERS}.`
}

function dataOf({ instances, config }: ManagedHost): z.input<typeof ManagerData> {
  return {
    child_states: instances.map((instance) => ({ ...instance })),
    config_parse_status: { '[SCF]': [...config] },
    orphans: [],
  }
}
