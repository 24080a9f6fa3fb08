/** The intended state of an instance. */
export type Target = 'up' | 'down'

/** One instance of a host as reported by its manager; names as in OCS. */
export interface ManagedInstance {
  readonly instance_id: string
  readonly agent_class: string
  readonly target_state: Target
  /** Its present state, in OCS's terms. */
  readonly next_action: 'up' | 'down' | 'wait_start' | 'wait_dead'
  /** 1: it has not ended by itself for 2 min; 0: it keeps ending. */
  readonly stability: number
  /** Whether it can be started here at all. */
  readonly operable: boolean
  readonly restart_required: boolean
}

/** The instances of a host and their supervisor, for an agent that manages them. */
export interface ManagedHost {
  readonly instances: readonly ManagedInstance[]
  /** The site file: whether the last read succeeded, when that was (unix s), and the result in words. */
  readonly config: readonly [ok: boolean, time: number, text: string]
  /**
   * Sets the target of instances (`all`: every one) to up or down, until the site file sets another.
   * @throws OpError naming each that cannot be set; nothing is changed then
   */
  request(requests: readonly (readonly [instance: string, target: Target])[]): void
  /** Reads the site file again; `forget`: also drops earlier requests. */
  reload(forget: boolean): Promise<void>
  /** Stops all instances and then this process, soon. */
  quit(): void
  onChange(listener: () => void): Disposable
}
