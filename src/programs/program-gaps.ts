import { counted } from '../core/counted.ts'
import type { Lab } from '../core/lab.ts'

/** The number of rows that determine a feed's pace. */
const ROWS = 3

/** A feed that is received again: the time of its last row before (unix s), and the first rows since. */
interface Again {
  readonly last: number | undefined
  readonly times: number[]
}

/**
 * Estimates the rows that an agent published while its program, which the agent does not need, was not
 * listening. Such rows have no numbers: the length of the gap and the feed's pace give an estimate.
 */
export class ProgramGaps {
  readonly #last = new Map<string, number>()
  readonly #again = new Map<string, Again>()
  #unheard = 0
  #isCounted = false

  /** The program listens, for the first time or again. */
  begin(lab: Lab): void {
    if (!this.#isCounted) lab.counters(() => ({ unheard: this.#unheard }))
    this.#isCounted = true
    this.#again.clear()
  }

  /**
   * A row is received; called before it is published.
   * @param t unix s
   */
  took(feed: string, t: readonly number[], lab: Lab): void {
    const [first, last] = [t[0], t.at(-1)]
    if (first === undefined || last === undefined) return
    const again = this.#again.get(feed) ?? {
      last: this.#last.get(feed) ?? lab.handOver.lastTime(feed),
      times: [],
    }
    this.#again.set(feed, again)
    this.#last.set(feed, last)
    if (again.last === undefined || again.times.length === ROWS || again.times.push(first) < ROWS) return
    const [from = first] = again.times
    const pace = (first - from) / (ROWS - 1)
    const rows = pace > 0 ? Math.round((from - again.last) / pace) - 1 : 0
    if (rows < 1) return
    this.#unheard += rows
    const time = (at: number) => new Date(at * 1000).toISOString().replace(/\.\d+Z/, 'Z')
    lab.event(
      'error',
      'lost',
      `${feed}: no data from ${time(again.last)} to ${time(from)}: about ${counted(rows, 'row')} lost, if its agent was running`,
    )
  }
}
