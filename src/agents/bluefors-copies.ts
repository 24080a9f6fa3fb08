/** Which lines count when a log has a copy beside it: file synchronisers make one, and then write to both. */
import type { LogLine } from './bluefors-logs.ts'

/** Logs of a day that are remembered. */
const LOGS = 500

type Timed = Pick<LogLine, 'block' | 'time'>

/** Tracks how far each file of one day's log has been read. A line that another file of the same log had already does not count. */
export class CountedLines {
  /** By block and day, then by path: the time of the newest line, unix s. */
  readonly #reached = new Map<string, Map<string, number>>()

  /** Starts a file after this line, which does not count. */
  begin(path: string, line: Timed): void {
    this.#files(line).set(path, line.time)
  }

  /** Whether a line counts. */
  add(path: string, line: Timed): boolean {
    const files = this.#files(line)
    for (const [other, time] of files) if (other !== path && time >= line.time) return false
    files.set(path, Math.max(line.time, files.get(path) ?? 0))
    return true
  }

  #files({ block, time }: Timed): Map<string, number> {
    const key = `${block} ${new Date(1000 * time).toDateString()}`
    const files = this.#reached.get(key) ?? new Map<string, number>()
    this.#reached.set(key, files)
    const [oldest] = this.#reached.keys()
    if (this.#reached.size > LOGS && oldest !== undefined) this.#reached.delete(oldest)
    return files
  }
}
