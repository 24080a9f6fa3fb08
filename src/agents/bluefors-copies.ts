/** Which lines count, where a log was copied beside itself: synchronisers do that, and write both from then on. */
import type { LogLine } from './bluefors-logs.ts'

/** Logs of a day that are remembered. */
const LOGS = 500

type Timed = Pick<LogLine, 'block' | 'time'>

/** Knows how far each file of a log of a day has come. What another file of the same log has had already does not count again. */
export class CountedLines {
  /** By block and day, then by path: the time of the newest line, unix s. */
  readonly #reached = new Map<string, Map<string, number>>()

  /** A file begins behind this line, which does not count. */
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
