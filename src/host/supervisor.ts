import { join } from 'node:path'
import { type Child, startLogged, stopChildren } from './children.ts'
import { Keeper } from './keeper.ts'
import type { PlannedRole, Rank, RoleState } from './roles.ts'
import { RotatingLog } from './rotating-log.ts'
import { sharedRuntime } from './shared-runtime.ts'

/** The order in which roles are stopped; they are started in reverse. */
const ORDER: readonly Rank[] = ['agent', 'recorder', 'hub']

export interface SupervisorOptions {
  /** The folder of the logs. */
  readonly logDir: string
  /** The first level of every topic, and the first part of the logs' names. */
  readonly root: string
  /** A line that a role logged. */
  line(name: string, text: string): void
  say(text: string): void
  changed(): void
}

interface Kept {
  readonly keeper: Keeper
  readonly log: RotatingLog
}

/** Keeps a set of roles alive; the set may change meanwhile. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #kept = new Map<string, Kept>()
  readonly #startShared = sharedRuntime()
  #work: Promise<void> = Promise.resolve()
  #over = false

  constructor(options: SupervisorOptions) {
    this.#options = options
  }

  get roles(): RoleState[] {
    return [...this.#kept.values()].map(({ keeper }) => keeper.state)
  }

  /**
   * Makes these the running roles: starts new ones, stops removed ones, restarts changed ones, and leaves the
   * others alone.
   */
  become(roles: readonly PlannedRole[]): Promise<void> {
    return this.#next(async () => {
      if (!this.#over) await this.#become(roles)
    })
  }

  /** How rarely a role ends by itself, 0 … 1. */
  stability(name: string): number {
    return this.#kept.get(name)?.keeper.stability ?? 1
  }

  /** Stops all: agents, then recorders, then the hub; in 2 s at most. Nothing is started after that. */
  stop(): Promise<void> {
    this.#over = true
    return this.#next(() => this.#stop([...this.#kept.values()], true))
  }

  /** Runs one change at a time: a role that is still stopping must not be started a second time beside it. */
  #next(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work)
    this.#work = done.catch(() => {})
    return done
  }

  async #become(roles: readonly PlannedRole[]): Promise<void> {
    const wanted = new Map(roles.map((role) => [role.name, role]))
    const over = [...this.#kept.values()].filter(
      ({ keeper: { role } }) => wanted.get(role.name)?.fingerprint !== role.fingerprint,
    )
    await this.#stop(over)
    for (const { keeper } of this.#kept.values()) keeper.role = wanted.get(keeper.role.name) ?? keeper.role
    const started = roles.filter(({ name }) => !this.#kept.has(name))
    for (const role of started.toSorted((a, b) => ORDER.indexOf(b.rank) - ORDER.indexOf(a.rank))) {
      this.#start(role)
    }
  }

  async #stop(over: readonly Kept[], keepShown = false): Promise<void> {
    if (over.length === 0) return
    const groups = ORDER.map((rank): Child[] =>
      over.filter(({ keeper }) => keeper.role.rank === rank).flatMap(({ keeper }) => keeper.end()),
    )
    await stopChildren(groups)
    await Promise.all(groups.flat().map(({ exited }) => exited))
    for (const { keeper, log } of over) {
      if (!keepShown) {
        this.#options.say(`${keeper.role.name} stopped`)
        this.#kept.delete(keeper.role.name)
      }
      log.close()
    }
    this.#options.changed()
  }

  #start(role: PlannedRole): void {
    const { logDir, root, say, line, changed } = this.#options
    const log = new RotatingLog(join(logDir, `${root}.${role.name}.log`))
    const output = {
      log: log.path,
      line: (text: string) => {
        log.write(text)
        line(role.name, text)
      },
      say,
      changed,
    }
    const keeper = new Keeper(role, output, role.isShared ? this.#startShared : startLogged)
    this.#kept.set(role.name, { keeper, log })
    say(`starting ${role.name}`)
    keeper.start()
  }
}
