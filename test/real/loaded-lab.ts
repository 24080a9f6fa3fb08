import { expect } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { compare, filesOf, keyOf, samplesOf, spooled, unacknowledged } from './archive.ts'
import { DemoLab } from './demo-lab.ts'
import { figure, Lab, type Running, until } from './roles.ts'

/** A recorded lab whose site file lists addresses of its broker. */
export class LoadedLab implements AsyncDisposable {
  readonly lab = new Lab()
  readonly demo = new DemoLab(this.lab)
  readonly site: readonly string[]
  #roles: Running[] = []

  /** @param servers items of `mqtt_server` in the site file, separated by commas */
  constructor(servers: string) {
    const file = this.lab.path('lab.yaml')
    writeFileSync(
      file,
      [
        `hub: {mqtt_server: [${servers}]}`,
        'hosts:',
        '  localhost:',
        '    agent-instances:',
        `      - {agent-class: Lakeshore240Agent, instance-id: ls240, arguments: [--port, ${this.demo.pty}, --sampling-frequency, 10]}`,
        `      - {agent-class: AggregatorAgent, instance-id: aggregator, arguments: [--data-dir, ${this.demo.dataDir}, --frame-length, 0.5]}`,
      ].join('\n'),
    )
    this.site = ['--site-file', file, '--site-host', 'localhost']
  }

  get agent(): Running {
    const [agent] = this.#roles
    if (!agent) throw new Error('the lab has not begun')
    return agent
  }

  /**
   * Starts instrument, agent and recorder, and waits until something is recorded. A broker must be running.
   */
  async begin(): Promise<void> {
    await this.demo.sim240('--counter')
    this.#roles = ['ls240', 'aggregator'].map((id) => this.start(id))
    await this.#roles[0]?.says('Channel_1 ', 60)
    await this.#roles[1]?.says('new file: ', 60)
  }

  start(id: string): Running {
    return this.lab.start(id, ['agent', '--instance-id', id, ...this.site, '--log-dir', this.lab.path('log')])
  }

  /** Asks for the state of an operation, through a new connection. @throws if nobody answers */
  async ctrl(): Promise<void> {
    const { code, out, err } = await this.lab.run(['ctrl', 'status', 'ls240', 'acq', ...this.site], {}, 60)
    expect(code, `${out}\n${err}`).toBe(0)
  }

  /** Waits until all rows read by now are recorded, through the present broker. */
  async recorded(): Promise<void> {
    const before = samplesOf(spooled(this.lab.path('state')))
    const state = this.lab.path('state')
    await until(
      'what was read is recorded',
      60,
      () => samplesOf(spooled(state)) - unacknowledged(state) >= before,
    )
  }

  /** Ends acquisition, and compares the recording with the readings. */
  async judge(what: string): Promise<void> {
    const { code, err } = await this.lab.run(['ctrl', 'stop', '--target=ls240', ...this.site], {}, 60)
    expect(code, err).toBe(0)
    await until('everything is recorded', 90, () => unacknowledged(this.lab.path('state')) === 0)
    for (const role of this.#roles) expect(await role.stop()).toMatchObject({ code: 0 })
    const kept = spooled(this.lab.path('state'))
    expect(new Set(kept.map(keyOf)).size).toBe(kept.length)
    await compare(this.lab, this.demo.dataDir, kept)
    figure(
      `${what}: ${samplesOf(kept)} samples in ${filesOf(this.demo.dataDir).length} files: none lost, none doubled`,
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.lab[Symbol.asyncDispose]()
  }
}
