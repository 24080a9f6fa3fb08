import { expect } from 'bun:test'
import { readdirSync } from 'node:fs'
import { cpuSeconds, memory } from '../../bench/process-cost.ts'
import type { Audit } from '../../src/storage/recorder/audit.ts'
import { unacknowledged } from './archive.ts'
import { split, subscriber } from './listener.ts'
import { figure, Lab, type Running, seconds, since, until } from './roles.ts'

/** The address of the broker. */
export const BROKER_URL = 'mqtt://127.0.0.1:1883'

/** The beginning of the lines of `many-agents.ts` that count connections. */
const COUNTED = 'connections '

/** The recorder's status, published once a second. */
interface Recording {
  readonly behind: number
  readonly providers: Readonly<Record<string, { readonly recorded: number }>>
}

/** A recorded lab of many agents, with a listener. */
export class ScaleLab implements AsyncDisposable {
  readonly lab = new Lab()
  readonly dataDir = this.lab.path('data')
  /** Processes of the lab by their task. */
  readonly groups = new Map<string, readonly Running[]>()
  readonly #agents: number
  #said: Recording = { behind: Infinity, providers: {} }
  #lags: number[] = []
  #counted: ReadonlyMap<string, number> = new Map()

  /** @param agents how many there will be */
  constructor(agents: number) {
    this.#agents = agents
  }

  /** Starts broker and recorder, and listens to all rows and to the recorder's status. */
  async begin(): Promise<void> {
    await this.#hub()
    this.#record()
    this.lab.program('session', subscriber('session', 'observatory/aggregator/ops/record/session', '%t %p'), {
      onLine: ({ from, text }) => {
        const said = from === 'out' ? JSON.parse(split(text)[1] || '{}') : {}
        if (said.data?.providers) this.#said = said.data as Recording
      },
    })
    this.lab.program('rows', subscriber('rows', 'observatory/+/feeds/+', '%p'), {
      onLine: ({ at, from, text }) => {
        if (from === 'err') return
        const { t } = JSON.parse(text) as { t: number[] }
        this.#lags.push(performance.timeOrigin + at - 1000 * (t.at(-1) ?? 0))
      },
    })
  }

  /** Waits until rows of all agents have been recorded since, and hardly any is missing. @returns s */
  async recordedAnew(): Promise<number> {
    const start = performance.now()
    const before = this.#said.providers
    this.#said = { behind: Infinity, providers: {} }
    await until(`rows of ${this.#agents} agents are recorded`, 100, () => {
      const { behind, providers } = this.#said
      const all = Object.entries(providers)
      const isNew = ([name, { recorded }]: (typeof all)[number]) => recorded > (before[name]?.recorded ?? 0)
      return all.length >= this.#agents && all.every(isNew) && behind <= this.#agents
    })
    return since(start)
  }

  /**
   * Prints the use of the machine by each group, and the delay of rows at the listener. @param length s that
   * are measured
   */
  async measure(length: number): Promise<void> {
    const groups = [...this.groups].map(([name, group]) => ({ name, pids: group.map(({ pid }) => pid) }))
    const used = () => groups.map(({ pids }) => cpuSeconds(pids))
    const before = used()
    this.#lags = []
    await seconds(length)
    const after = used()
    const lags = this.#lags.sort((a, b) => a - b)
    for (const [at, { name, pids }] of groups.entries()) {
      const load = ((after[at] ?? 0) - (before[at] ?? 0)) / length
      const open = Math.max(...pids.map((pid) => readdirSync(`/proc/${pid}/fd`).length))
      figure(
        `${name.padEnd(9)} ${String(pids.length).padStart(2)} ×: ${(100 * load).toFixed(1)} % of a core, ` +
          `${memory(pids).pss.toFixed(0)} MB, ${open} descriptors of one at most`,
      )
    }
    const late = (part: number) => (lags[Math.floor(part * (lags.length - 1))] ?? Number.NaN).toFixed(0)
    figure(
      `${(lags.length / length).toFixed(0)} rows/s came to a listener: half within ${late(0.5)} ms, ` +
        `99 of 100 within ${late(0.99)} ms, all within ${late(1)} ms`,
    )
  }

  /** Prints how often agents were admitted, lost, and refused since the last call, with the reasons. */
  connections(when: string): void {
    const all = new Map<string, number>()
    for (const one of [...this.groups.values()].flat()) {
      const said = one.lines.findLast(({ text }) => text.startsWith(COUNTED))
      for (const [what, count] of Object.entries(JSON.parse(said?.text.slice(COUNTED.length) ?? '{}')))
        all.set(what, (all.get(what) ?? 0) + Number(count))
    }
    const since = [...all].map(([what, count]) => [what, count - (this.#counted.get(what) ?? 0)] as const)
    this.#counted = all
    figure(
      `connections ${when}: ${since.flatMap(([what, count]) => (count > 0 ? `${count} ${what}` : [])).join('; ')}`,
    )
  }

  /** Kills the broker, then the recorder, and prints how soon everything is recorded again. */
  async kill(): Promise<void> {
    this.connections('until then')
    const recorder = this.#one('recorder')
    const mark = recorder.mark
    await this.#one('hub').kill()
    await this.#hub()
    const start = performance.now()
    // Earlier messages may arrive late.
    await recorder.says('transport connected', 100, mark)
    await this.recordedAnew()
    figure(`the broker killed: all ${this.#agents} are recorded again after ${since(start).toFixed(1)} s`)
    this.connections('since then')
    await this.#one('recorder').kill()
    await seconds(5)
    this.#record()
    figure(`the recorder killed, 5 s away: the same after ${(await this.recordedAnew()).toFixed(1)} s`)
  }

  /** Makes all agents stop reading, and compares the files with the spools. */
  async judge(): Promise<void> {
    const { lab, dataDir } = this
    const stop = await lab.run(['ctrl', 'stop', '--all', '--site-hub', BROKER_URL], {}, 60)
    expect(stop.code, stop.err).toBe(0)
    figure(`ocs ctrl stop took ${stop.took.toFixed(1)} s`)
    await until('everything is recorded', 60, () => unacknowledged(lab.path('state')) === 0)
    // Other brokers have exit codes of their own.
    for (const [name, group] of [...this.groups].reverse())
      for (const { code } of await Promise.all(group.map((one) => one.stop())))
        if (name !== 'hub') expect(code).toBe(0)
    const asked = ['audit', dataDir, '--state-dir', lab.path('state'), '--json']
    const { code, out, err } = await lab.run(asked, {}, 100)
    expect(code, err).toBe(0)
    const { epochs } = JSON.parse(out) as Audit
    const wrong = epochs.filter(
      ({ gaps, missing, doubled, waiting, unknown }) =>
        gaps.length + missing.length + doubled.length + waiting > 0 || unknown !== null,
    )
    expect(wrong).toEqual([])
    const recorded = new Set(epochs.filter((epoch) => epoch.recorded > 0).map(({ address }) => address))
    expect(recorded.size).toBe(this.#agents)
    const rows = epochs.reduce((sum, epoch) => sum + epoch.recorded, 0)
    figure(`${rows} rows of ${this.#agents} agents: 0 lost, 0 doubled`)
  }

  async #hub(): Promise<void> {
    this.groups.set('hub', [await this.lab.hub()])
  }

  #record(): void {
    const to = ['--data-dir', this.dataDir, '--frame-length', '10', '--log-dir', this.lab.path('log')]
    const args = [
      'aggregate',
      '--instance-id',
      'aggregator',
      ...to,
      '--site-hub',
      BROKER_URL,
      '--record-unknown',
    ]
    this.groups.set('recorder', [this.lab.start('recorder', args)])
  }

  #one(name: string): Running {
    const [one] = this.groups.get(name) ?? []
    if (!one) throw new Error(`no ${name} runs`)
    return one
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.lab[Symbol.asyncDispose]()
  }
}
