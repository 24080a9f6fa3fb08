import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROGRAM } from '../../src/host/children.ts'
import { findCredentials } from '../../src/principals/credentials.ts'
import { startOne } from './brokers.ts'

/** One line that a process wrote, and when it arrived on the monotonic clock, ms. */
export interface Line {
  readonly at: number
  readonly from: 'out' | 'err'
  readonly text: string
}
/** How a process ended: its exit code, or the signal that ended it. */
export interface Ended {
  readonly code: number | null
  readonly signal: string | null
  /** When, on the monotonic clock, ms. */
  readonly at: number
}
export interface StartOptions {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** Gives it its own process group, as a shell gives each command. */
  readonly group?: boolean
  /** Does not keep its lines: `onLine` takes them. */
  readonly onLine?: (line: Line) => void
}

/** The repository. */
export const ROOT = join(import.meta.dir, '..', '..')
/** `ocs` as the launcher runs it. */
export const OCS: readonly string[] = PROGRAM
/** Variables that would lead `ocs` to this machine's own sites and state. */
const FOREIGN = /^(OCS_|XDG_|STATE_DIRECTORY$|TARGET$|NAME$|DESCRIPTION$|FEED$|BUFFER_TIME$|NO_COLOR$)/
const HUB_URL = 'mqtt://127.0.0.1:1883'

/**
 * Factor on all time-outs and measured limits, since the machine may be doing other work as well: for the
 * waits of a check, and for its limits by a clock while others run.
 */
export const SLOW = 4

/** Prints a figure that a check has measured. */
export function figure(text: string): void {
  process.stdout.write(`  ${text}\n`)
}

/** Seconds since `start`, a time of the monotonic clock in ms. */
export function since(start: number): number {
  return (performance.now() - start) / 1000
}

/** Resolves after some seconds. */
export function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1000))
}

/**
 * Resolves with the first value that is not undefined or false. @throws Error after `SLOW` times `patience` s
 */
export async function until<T>(
  what: string,
  patience: number,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const start = performance.now()
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (since(start) > SLOW * patience) throw new Error(`${what}: not within ${SLOW * patience} s`)
    await seconds(0.02)
  }
}

/** A process that a check runs: its output, and how it ends. */
export class Running {
  readonly name: string
  readonly lines: Line[] = []
  readonly #child: ChildProcess
  readonly #group: boolean
  readonly #ended: Promise<Ended>
  #end: Ended | undefined
  #looks = new Set<() => void>()

  constructor(name: string, command: readonly string[], log: string, options: StartOptions) {
    const { env, cwd, group = false, onLine } = options
    this.name = name
    this.#group = group
    const [program = '', ...args] = command
    this.#child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: group,
      ...(env && { env: env as NodeJS.ProcessEnv }),
      ...(cwd !== undefined && { cwd }),
    })
    const take = (from: Line['from']) => {
      let rest = ''
      return (chunk: string) => {
        const at = performance.now()
        const parts = (rest + chunk).split('\n')
        rest = parts.pop() ?? ''
        for (const text of parts) {
          if (onLine) onLine({ at, from, text })
          else {
            this.lines.push({ at, from, text })
            appendFileSync(log, `${text}\n`)
          }
        }
        for (const look of [...this.#looks]) look()
      }
    }
    this.#child.stdout?.setEncoding('utf8').on('data', take('out'))
    this.#child.stderr?.setEncoding('utf8').on('data', take('err'))
    this.#child.stdin?.on('error', () => {})
    this.#ended = new Promise((resolve) => {
      const end = (code: number | null, signal: string | null) => {
        this.#end ??= { code, signal, at: performance.now() }
        resolve(this.#end)
        for (const look of [...this.#looks]) look()
      }
      this.#child.on('error', (error) => {
        this.lines.push({ at: performance.now(), from: 'err', text: error.message })
        end(null, null)
      })
      this.#child.on('exit', (code, signal) => {
        // Its last lines may arrive after its exit.
        this.#child.once('close', () => end(code, signal))
        setTimeout(() => end(code, signal), 500)
      })
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }
  /** How it ended; undefined while it runs. */
  get end(): Ended | undefined {
    return this.#end
  }
  /** The present position in its lines, to search only later ones. */
  get mark(): number {
    return this.lines.length
  }
  /** All its output, from both streams or one. */
  text(from?: Line['from']): string {
    return this.lines
      .filter((line) => from === undefined || line.from === from)
      .map(({ text }) => text)
      .join('\n')
  }
  /** Its last lines, for an error. */
  tail(): string {
    return this.lines
      .slice(-12)
      .map(({ text }) => `    ${this.name}: ${text}`)
      .join('\n')
  }

  /** Writes to its standard input. */
  write(text: string): boolean {
    return this.#child.stdin?.write(text) ?? false
  }

  /** Ends its standard input. */
  endInput(): void {
    this.#child.stdin?.end()
  }

  /**
   * Resolves with the first line, from `mark` on, that contains a text or matches a pattern.
   * @throws Error if it does not come within `SLOW` times `patience` s, or the process ends without it
   */
  says(wanted: string | RegExp, patience = 10, mark = 0): Promise<Line> {
    const fits = ({ text }: Line) => (typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text))
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer)
        this.#looks.delete(look)
      }
      const fail = (why: string) => {
        done()
        reject(new Error(`${this.name} ${why} without saying ${wanted}:\n${this.tail()}`))
      }
      const look = () => {
        const found = this.lines.slice(mark).find(fits)
        if (found) {
          done()
          resolve(found)
        } else if (this.#end) fail(`ended (${this.#end.signal ?? this.#end.code})`)
      }
      const timer = setTimeout(() => fail(`went ${SLOW * patience} s`), SLOW * patience * 1000)
      this.#looks.add(look)
      look()
    })
  }

  /** Sends a signal; to its whole group if it has its own. */
  signal(name: NodeJS.Signals): void {
    if (this.#end || this.pid === 0) return
    try {
      process.kill(this.#group ? -this.pid : this.pid, name)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  /** Resolves when it has ended. @throws Error if it still runs after `SLOW` times `patience` s */
  async ended(patience = 10): Promise<Ended> {
    const late = Promise.withResolvers<undefined>()
    const timer = setTimeout(() => late.resolve(undefined), SLOW * patience * 1000)
    const end = await Promise.race([this.#ended, late.promise])
    clearTimeout(timer)
    if (!end) throw new Error(`${this.name} still runs after ${SLOW * patience} s:\n${this.tail()}`)
    return end
  }

  /** Asks it to stop and waits until it has. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.signal(signal)
    return this.ended()
  }

  /** `kill -9`. */
  async kill(): Promise<Ended> {
    this.signal('SIGKILL')
    return this.ended()
  }
}

/** The outcome of a command. */
export interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly err: string
  /** How long it took, s. */
  readonly took: number
}

/** Processes of one check, with a folder for all their files; both are removed at its end. */
export class Lab implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'ocs-real-'))
  readonly env: Readonly<Record<string, string | undefined>>
  readonly #running: Running[] = []

  /** @param more variables for all its programs */
  constructor(more: Readonly<Record<string, string>> = {}) {
    const own = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name))
    const folders = { HOME: this.path('home'), OCS_STATE_DIR: this.path('state') }
    this.env = { ...Object.fromEntries(own), ...folders, ...more }
    mkdirSync(this.path('home'))
    mkdirSync(this.path('log'))
  }

  /** Credentials by which the lab's hub recognizes a client of its own account. */
  readonly credentials = (url = HUB_URL) => findCredentials({ url, realm: 'test_realm', env: this.env })

  /** The same, for a client in another language. */
  get owner(): { username: string; password: string } {
    const { principal = '', tokens = [] } = this.credentials() ?? {}
    return { username: principal, password: tokens.join('.') }
  }

  /** A path in the lab's folder. */
  path(...parts: string[]): string {
    return join(this.dir, ...parts)
  }

  /**
   * Writes a site file for this machine alone, with its hub on the usual port.
   * @param instances each a mapping of YAML, without its braces
   * @returns the flags that name it
   */
  site(...instances: readonly string[]): string[] {
    const file = this.path('lab.yaml')
    const head = 'hub: {mqtt_server: "mqtt://127.0.0.1:1883"}\nhosts:\n  localhost:\n    agent-instances:\n'
    writeFileSync(file, head + instances.map((one) => `      - {${one}}\n`).join(''))
    return ['--site-file', file, '--site-host', 'localhost']
  }

  /** Starts a program. */
  program(name: string, command: readonly string[], options: StartOptions = {}): Running {
    const env = { ...this.env, ...options.env }
    const cwd = options.cwd ?? this.dir
    const running = new Running(name, command, this.path('log', `${name}.log`), { ...options, env, cwd })
    this.#running.push(running)
    return running
  }

  /** Starts `ocs` with these arguments. */
  start(name: string, args: readonly string[], options: StartOptions = {}): Running {
    return this.program(name, [...OCS, ...args], options)
  }

  /** Runs `ocs` to its end. */
  async run(args: readonly string[], options: StartOptions = {}, patience = 30): Promise<Outcome> {
    const begun = performance.now()
    const running = this.start(`ocs ${args.slice(0, 2).join(' ')}`.replaceAll(/[^\w -]/g, ''), args, options)
    const { code, at } = await running.ended(patience)
    return { code, out: running.text('out'), err: running.text('err'), took: (at - begun) / 1000 }
  }

  /**
   * Starts a hub on the usual ports and waits until it listens. `OCS_BROKER` names another broker in its
   * place, for checks of promises that hold on any.
   */
  async hub(...args: string[]): Promise<Running> {
    const { OCS_BROKER: broker } = process.env
    if (broker !== undefined) return await startOne(this, broker)
    const hub = this.start('hub', ['hub', ...args])
    await hub.says('listening on ws://', 120)
    return hub
  }

  /** Starts a simulator and waits until it can be read. */
  async sim(kind: '240' | '372' | '336', serialNumber: string, ...args: string[]): Promise<Running> {
    const command = ['sim', `lakeshore${kind}`, '--serial-number', serialNumber, ...args]
    const sim = this.start(`sim-${serialNumber}`, command)
    await sim.says(`${serialNumber} at `, 40)
    return sim
  }

  /** The session of an agent's operation, by `ocs ctrl status`. */
  async session(instance: string, op: string): Promise<Record<string, unknown> | undefined> {
    const { out } = await this.run(['ctrl', 'status', instance, '--json', '--site-hub', HUB_URL])
    const [view] = JSON.parse(out || '[]') as { ops: Record<string, Record<string, unknown>> }[]
    return view?.ops[op]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#running) {
      running.signal('SIGCONT')
      running.signal('SIGKILL')
    }
    await Promise.all(this.#running.map((running) => running.ended().catch(() => undefined)))
    if (!process.env['KEEP_LABS']) rmSync(this.dir, { recursive: true, force: true })
  }
}
