import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FeedDeclaration } from '../../core/channels.ts'
import { FIELD_LOG, type FieldLine, readFieldLog } from '../../core/recording/field-lines.ts'

/** Writes down what feeds declare about their fields, unless it is known already. */
export class FieldLog {
  readonly #path: string
  readonly #known: Map<string, FieldLine[]>
  /** The latest declaration, by address. */
  readonly #seen = new Map<string, FeedDeclaration>()
  #text = ''
  #writing: Promise<void> | undefined

  private constructor(path: string, known: Map<string, FieldLine[]>) {
    this.#path = path
    this.#known = known
  }

  /**
   * Opens the log of a data directory. If it cannot be read it begins anew, and declarations are repeated.
   */
  static async open(dir: string): Promise<FieldLog> {
    const path = join(dir, FIELD_LOG)
    return new FieldLog(path, readFieldLog(await readFile(path, 'utf8').catch(() => '')))
  }

  /** Notes a feed's declaration of the fields that have samples from `since` (unix s) on. */
  take(address: string, declaration: FeedDeclaration, since: number): void {
    if (this.#seen.get(address) === declaration) return
    this.#seen.set(address, declaration)
    const { exclude_influx, blocks } = declaration
    for (const block of Object.values(blocks))
      for (const [field, info] of Object.entries(block)) {
        const { units, description, resolution, rhythm, bits, influxdb_tags, influxdb_int } = info
        const agent_class = influxdb_tags && declaration.agent_class
        const line = {
          ...{ source: `${address}.${field}`, since, units, description, resolution, rhythm, bits },
          ...{ influxdb_tags, influxdb_int, agent_class, exclude_influx },
        }
        const lines = this.#known.get(line.source) ?? []
        const at = lines.findLastIndex((one) => one.since <= since)
        if (said(lines[at]) === said(line)) continue
        this.#known.set(line.source, lines.toSpliced(at + 1, 0, line))
        this.#text += `${JSON.stringify(line)}\n`
      }
    this.#writing ??= this.#write()
  }

  /** Resolves once everything is written, or writing has failed. */
  async flush(): Promise<void> {
    await this.#writing
  }

  /** A disk that fails is tried again with the next declaration; only samples must not be lost. */
  async #write(): Promise<void> {
    await Promise.resolve()
    const text = this.#text
    this.#text = ''
    try {
      // A line that a crash cut short is terminated.
      if (text !== '') await appendFile(this.#path, `\n${text}`)
    } catch {
      this.#text = text + this.#text
    } finally {
      this.#writing = undefined
    }
  }
}

/** The content of a line, as text; '' without one. */
function said(line: FieldLine | undefined): string {
  const { source: _, since: __, ...rest } = line ?? {}
  const text = JSON.stringify(rest)
  return text === '{}' ? '' : text
}
