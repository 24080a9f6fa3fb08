/** One fault that happened. Times by the lab's clock (`utc`, s). */
export interface Strike {
  /** `kill`, `unplug`, …; `start` and `end` stand for the beginning and the end of the run. */
  readonly fault: string
  /** What was hit: a station, an instrument by its agent, a disk. */
  readonly target: string
  /** What sort of thing that is: `hub`, `agent`, `instrument`, `disk`, …. */
  readonly kind: string
  readonly begin: number
  /** When it was over; before that nothing can come back. */
  end: number
  /** When what it hit was seen to work again; undefined when it was not seen. */
  back: number | undefined
}

/** Whether it is a fault: beginning and end of a run are noted like one. */
export function isFault({ fault }: Strike): boolean {
  return fault !== 'start' && fault !== 'end'
}
