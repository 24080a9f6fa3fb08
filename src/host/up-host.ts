import { join } from 'node:path'
import { messageOf, OpError } from '../core/errors.ts'
import type { ManagedHost, ManagedInstance, Target } from '../core/managed-host.ts'
import { notFound } from '../core/names.ts'
import type { PlannedRole, RoleState } from './roles.ts'
import { Supervisor, type SupervisorOptions } from './supervisor.ts'
import type { Plan, PlannedInstance } from './up-plan.ts'
import type { UpState } from './up-state.ts'

/** The state of an instance in OCS's terms. */
const ACTIONS = {
  running: 'up',
  waiting: 'wait_start',
  stopping: 'wait_dead',
  stopped: 'down',
  down: 'down',
} as const

interface HostOptions extends SupervisorOptions {
  /** The roles besides the instances: the hub and the bridge, if wanted. */
  extra(plan: Plan): Promise<readonly PlannedRole[]>
  /** Reads the site file again. @throws ConfigError, UsageError */
  replan(): Promise<Plan>
  /** The effect of `quit`. */
  quit(): void
  readonly signal: AbortSignal
}
/**
 * A request for an instance; it holds until the site file's target differs from the one at the time of the
 * request.
 */
interface Asked {
  readonly target: Target
  readonly file: Target
  /** Unix s. */
  readonly time: number
}

/** The roles that `ocs up` runs: those of the site file, as changed by requests. */
export class Host implements ManagedHost {
  readonly #options: HostOptions
  readonly #supervisor: Supervisor
  readonly #asked = new Map<string, Asked>()
  readonly #listeners = new Set<() => void>()
  #plan: Plan
  #extra: readonly PlannedRole[] = []
  #config: ManagedHost['config'] = [true, Date.now() / 1000, '']
  readonly #since = Date.now() / 1000

  constructor(plan: Plan, options: HostOptions) {
    this.#plan = plan
    this.#options = options
    this.#supervisor = new Supervisor({ ...options, changed: () => this.#changed() })
  }

  get plan(): Plan {
    return this.#plan
  }

  get config(): ManagedHost['config'] {
    return this.#config
  }

  /** All roles, including those that are intended to be down. */
  get roles(): RoleState[] {
    const kept = this.#supervisor.roles
    const down = this.#plan.instances.filter(({ name }) => !kept.some((role) => role.name === name))
    const states = down.map(({ name, args }): RoleState => {
      const { logDir, root } = this.#options
      const log = join(logDir, `${root}.${name}.log`)
      const since = this.#asked.get(name)?.time ?? this.#since
      const never = { pid: null, since, restarts: 0, last_exit: null }
      return { name, command: ['ocs', ...args].join(' '), state: 'down', ...never, log }
    })
    return [...kept, ...states]
  }

  /** Instances that should be up but cannot be run here. */
  get leftOut(): UpState['left_out'] {
    return this.#plan.inoperable
      .filter(({ target }) => target === 'up')
      .map(({ name, why }) => ({ name, why }))
  }

  get instances(): ManagedInstance[] {
    const roles = new Map(this.roles.map((role) => [role.name, role]))
    const own = this.#plan.instances.map((instance): ManagedInstance => {
      const { name, agentClass } = instance
      const state = roles.get(name)?.state ?? 'down'
      return {
        next_action: ACTIONS[state],
        target_state: this.#target(instance),
        stability: this.#supervisor.stability(name),
        agent_class: agentClass,
        instance_id: name,
        operable: true,
        restart_required: false,
      }
    })
    const others = this.#plan.inoperable.map(
      ({ name, agentClass, target }): ManagedInstance => ({
        next_action: 'down',
        target_state: target,
        stability: 1,
        agent_class: agentClass,
        instance_id: name,
        operable: false,
        restart_required: false,
      }),
    )
    return [...own, ...others]
  }

  /**
   * Starts the roles that should be up.
   * @param initial the target of all instances, replacing the site file's
   */
  async begin(initial?: Target): Promise<void> {
    if (initial) this.#ask([['all', initial]])
    this.#extra = await this.#options.extra(this.#plan)
    await this.#apply()
  }

  request(requests: Parameters<ManagedHost['request']>[0]): void {
    // Everything is being stopped; the final state says how each role ended.
    if (this.#options.signal.aborted || requests.length === 0) return
    this.#ask(requests)
    void this.#apply()
  }

  async reload(forget: boolean): Promise<void> {
    const { say, replan, extra, signal } = this.#options
    if (signal.aborted) return
    let next: Plan
    try {
      next = await replan()
    } catch (error) {
      this.#config = [false, Date.now() / 1000, messageOf(error)]
      say(`the site file has errors; the roles stay as they were\n${messageOf(error)}`)
      this.#changed()
      return
    }
    for (const note of next.notes.filter((text) => !this.#plan.notes.includes(text))) say(note)
    if (next.url !== this.#plan.url) this.#extra = await extra(next)
    else this.#extra = this.#extra.map(({ name }) => (name === 'hub' ? next.hub : next.bridge))
    this.#plan = next
    this.#config = [true, Date.now() / 1000, next.notes.join('\n')]
    if (forget) this.#asked.clear()
    await this.#apply()
  }

  quit(): void {
    this.#options.quit()
  }

  async stop(): Promise<void> {
    await this.#supervisor.stop()
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  #changed(): void {
    this.#options.changed()
    for (const listener of [...this.#listeners]) listener()
  }

  #target({ name, target }: PlannedInstance): Target {
    const asked = this.#asked.get(name)
    return asked?.file === target ? asked.target : target
  }

  #ask(requests: Parameters<ManagedHost['request']>[0]): void {
    const { instances, inoperable } = this.#plan
    const names = instances.map(({ name }) => name)
    const faults = requests.flatMap(([id]) => {
      if (id === 'all' || names.includes(id)) return []
      const other = inoperable.find(({ name }) => name === id)
      if (other) return [`${id} cannot be started here: ${other.why}`]
      return [notFound('there is no instance', id, names)]
    })
    if (faults.length > 0) throw new OpError(`Nothing has changed: ${faults.join('; ')}`)
    for (const [id, target] of requests) {
      for (const { name, target: file } of instances) {
        if (id === 'all' || id === name) this.#asked.set(name, { target, file, time: Date.now() / 1000 })
      }
    }
  }

  /** Applies the present targets; never rejects. */
  async #apply(): Promise<void> {
    const wanted = this.#plan.instances.filter((instance) => this.#target(instance) === 'up')
    const hub = this.#extra.filter(({ rank }) => rank === 'hub')
    const others = this.#extra.filter(({ rank }) => rank !== 'hub')
    try {
      await this.#supervisor.become([...hub, ...wanted, ...others])
    } catch (error) {
      this.#options.say(messageOf(error))
    }
    this.#changed()
  }
}
