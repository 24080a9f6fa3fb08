/** The stack of OCS as in labs: crossbar, agents and the aggregator of ocs 0.12.1, each a real process. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { configuration } from '../../bench/anchors/crossbar.ts'
import type { Lab, Running } from './roles.ts'

/** Python with crossbar; with ocs and socs; with ocs and so3g. */
const [ROUTER = '', AGENTS = '', AGGREGATOR = ''] = ['CROSSBAR', 'SOCS', 'HKDB'].map(
  (name) => process.env[`OCS_${name}_PYTHON`],
)
const PORT = 8101

/** The address of its router: beside ours. */
export const ROUTER_URL = `ws://127.0.0.1:${PORT}/ws`

/** A site of OCS with its own crossbar, in the folder of a lab. */
export class OcsSite {
  readonly #lab: Lab
  readonly site: readonly string[]
  /** The folder to which its aggregator writes. */
  readonly dataDir: string

  /** @param instances lines of its site file, one per instance */
  constructor(lab: Lab, instances: readonly string[]) {
    this.#lab = lab
    this.dataDir = lab.path('ocs-data')
    const file = lab.path('ocs.yaml')
    this.site = ['--site-file', file, '--site-host', 'localhost']
    const aggregator = `{instance-id: agg, agent-class: AggregatorAgent, arguments: [--initial-state, record, --data-dir, ${this.dataDir}]}`
    const hub = `{wamp_server: "${ROUTER_URL}", wamp_http: "http://127.0.0.1:${PORT}/call", wamp_realm: test_realm, address_root: observatory}`
    const lines = [aggregator, ...instances].map((line) => `      - ${line}\n`)
    writeFileSync(file, `hub: ${hub}\nhosts:\n  localhost:\n    agent-instances:\n${lines.join('')}`)
  }

  /** Starts crossbar and waits until it listens. */
  async router(): Promise<Running> {
    const dir = this.#lab.path('crossbar')
    mkdirSync(dir)
    writeFileSync(join(dir, 'config.json'), JSON.stringify(configuration(PORT)))
    const program = join(dirname(ROUTER), 'crossbar')
    const router = this.#lab.program('crossbar', [program, 'start', '--cbdir', dir])
    await router.says(/Ok, local node configuration ran successfully/, 240)
    return router
  }

  /**
   * Starts its aggregator, or another of its agents (from a file, if one is given), and waits until it has
   * joined.
   */
  async agent(instance: string, file?: string): Promise<Running> {
    const python = instance === 'agg' ? AGGREGATOR : AGENTS
    const own = file === undefined ? [] : ['--agent', file, '--entrypoint', 'main']
    // On a busy machine crossbar drops connections, and an agent that is not back in 10 s ends: 0 means for
    // ever.
    const more = ['--crossbar-timeout', '0', ...own]
    const command = [join(dirname(python), 'ocs-agent-cli'), ...more, '--instance-id', instance, ...this.site]
    const agent = this.#lab.program(`ocs-${instance}`, command, { env: { OCS_CONFIG_DIR: this.#lab.dir } })
    await agent.says('session joined', 240)
    return agent
  }
}
