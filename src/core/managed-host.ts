/** What an instance is meant to be. */
export type Target = 'up' | 'down'

/** One instance of a host as its manager tells of it; names as in OCS. */
export interface ManagedInstance {
  readonly instance_id: string
  readonly agent_class: string
  readonly target_state: Target
  /** What it is now: OCS's word for it. */
  readonly next_action: 'up' | 'down' | 'wait_start' | 'wait_dead'
  /** 1: has not ended by itself for 2 min; 0: again and again. */
  readonly stability: number
  /** Whether it can be started here at all. */
  readonly operable: boolean
  readonly restart_required: boolean
}

/** The instances of a host and who keeps them alive, for an agent that manages them. */
export interface ManagedHost {
  readonly instances: readonly ManagedInstance[]
  /** The site file: whether it could be used when it was read last, when that was (unix s), and what was found. */
  readonly config: readonly [ok: boolean, time: number, text: string]
  /**
   * Makes instances (`all`: every one) up or down, until the site file says otherwise of them.
   * @throws OpError naming each that cannot be; nothing is changed then
   */
  request(requests: readonly (readonly [instance: string, target: Target])[]): void
  /** Reads the site file anew; `forget`: also what was requested before. */
  reload(forget: boolean): Promise<void>
  /** Stops all of it, the process itself too, soon. */
  quit(): void
  onChange(listener: () => void): Disposable
}
