import { Database } from 'bun:sqlite'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../src/bridge/lab.test-aid.ts'
import { PROGRAM } from '../src/host/children.ts'
import { freePort, spoken } from '../src/host/spoken.test-aid.ts'
import { recorded } from '../src/storage/recorder/recorder.test-aid.ts'

/** The content of a spool. */
export interface KeptRows {
  readonly rows: readonly { epoch: string; seq: number; t: number[] }[]
  readonly epochs: readonly { epoch: string; previous: string | null; last: number }[]
}

/** Agents of the lab; a hub and a recorder run beside them. */
export const AGENTS = ['one', 'two', 'three'] as const

/** A lab under load that `ocs up` runs, with its state, recordings and site file in a folder of its own. */
export class UpLab implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'ocs-up-lab-'))
  readonly site = join(this.folder, 'lab.yaml')
  readonly state = join(this.folder, 'state')
  readonly data = join(this.folder, 'data')
  readonly #started = new Set<Bun.Subprocess>()
  readonly #env = {
    ...Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(OCS_|XDG_|NO_COLOR)/.test(name)),
    ),
    OCS_STATE_DIR: this.state,
  }

  /** Writes the site file. */
  static async make(): Promise<UpLab> {
    const lab = new UpLab()
    const args = '[--mode, acq, --sample-rate, 200, --num-channels, 2, --frame-length, 1]'
    const text = [
      `hub: {mqtt_server: "mqtt://127.0.0.1:${await freePort()}", wamp_server: "ws://127.0.0.1:${await freePort()}/ws"}`,
      'hosts:',
      '  localhost:',
      '    agent-instances:',
      `      - {instance-id: aggregator, agent-class: AggregatorAgent, arguments: [--initial-state, record, --data-dir, ${lab.data}]}`,
      ...AGENTS.map((id) => `      - {instance-id: ${id}, agent-class: FakeDataAgent, arguments: ${args}}`),
    ]
    mkdirSync(lab.folder, { recursive: true })
    writeFileSync(lab.site, `${text.join('\n')}\n`)
    return lab
  }

  /** Runs `ocs …` to its end. */
  async ocs(...args: string[]) {
    const child = this.#spawn([...PROGRAM, ...args], 'pipe')
    const [out, err] = await Promise.all([
      new Response(child.stdout as ReadableStream).text(),
      new Response(child.stderr as ReadableStream).text(),
    ])
    return { code: await child.exited, out, err }
  }

  /**
   * Starts the lab, in another version if its program is given; returns a function that kills it, all at
   * once.
   */
  async begin(program: readonly string[] = PROGRAM): Promise<() => Promise<void>> {
    const up = this.#spawn([...program, 'up', '--site-file', this.site], 'ignore')
    await spoken(up.stderr as ReadableStream<Uint8Array>)('session joined: ', AGENTS.length + 1)
    return async () => {
      const { roles } = JSON.parse((await this.ocs('ps', '--json')).out) as { roles: { pid: number }[] }
      for (const pid of [up.pid, ...roles.map((role) => role.pid)]) process.kill(pid, 'SIGKILL')
      await up.exited
      await until(
        () => roles.filter(({ pid }) => existsSync(`/proc/${pid}/exe`)),
        (alive) => alive.length === 0,
      )
    }
  }

  #spawn(words: readonly string[], stdout: 'pipe' | 'ignore') {
    const child = Bun.spawn([...words], { env: this.#env, stdout, stderr: 'pipe' })
    this.#started.add(child)
    return child
  }

  /**
   * Times in the archive of one field of an agent, while it is being written: the last frame may be
   * incomplete.
   */
  async times(instance: string): Promise<number[]> {
    const all = await until(
      () => {
        try {
          return recorded(this.data)
        } catch {
          return undefined
        }
      },
      (found) => found !== undefined,
    )
    const lines = all?.[`observatory.${instance}.feeds.false_temperatures.channel_00`] ?? []
    return lines.map((line) => Number(line.split(' ')[1]))
  }

  /** Resolves once this many samples of each agent are recorded. */
  async recorded(least: number): Promise<void> {
    await until(
      async () => (existsSync(this.data) ? await Promise.all(AGENTS.map((id) => this.times(id))) : [[]]),
      (all) => Math.min(...all.map((times) => times.length)) >= least,
    )
  }

  /** Number of samples of each agent that are recorded twice. */
  async doubled(): Promise<number[]> {
    const all = await Promise.all(AGENTS.map((id) => this.times(id)))
    return all.map((times) => times.length - new Set(times.map(keyOf)).size)
  }

  /** Resolves once all rows of spools are recorded. */
  async allThere(spools: Readonly<Record<string, KeptRows>>): Promise<void> {
    const missing = async ([id, { rows }]: [string, KeptRows]) => {
      const there = new Set((await this.times(id)).map(keyOf))
      return rows.filter(({ t }) => t.some((time) => !there.has(keyOf(time)))).length
    }
    await until(
      () => Promise.all(Object.entries(spools).map(missing)),
      (left) => left.every((rows) => rows === 0),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#started) {
      child.kill('SIGKILL')
      await child.exited
    }
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const keyOf = (time: number) => Math.round(time * 1e6)

/** The content of a spool in a state folder. */
export function spoolIn(state: string, instance: string): KeptRows {
  using db = new Database(join(state, 'observatory', `${instance}.sqlite`), { readonly: true })
  const bodies = db.query('SELECT body FROM rows').all() as { body: string }[]
  return {
    rows: bodies.map(({ body }) => JSON.parse(body)),
    epochs: db.query('SELECT epoch, previous, last FROM epochs ORDER BY id').all() as KeptRows['epochs'],
  }
}

/** The spools of all agents. */
export const spoolsIn = (state: string) => Object.fromEntries(AGENTS.map((id) => [id, spoolIn(state, id)]))

/** The number of an agent's latest session. */
export function lastSession(state: string, instance: string): number {
  using db = new Database(join(state, 'observatory', `${instance}.sessions.sqlite`), { readonly: true })
  return (db.query('SELECT MAX(id) AS id FROM sessions').get() as { id: number }).id
}
