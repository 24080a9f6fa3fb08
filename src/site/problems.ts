import { ConfigError } from '../core/errors.ts'

/** A place in a site file; both count from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** So many problems are printed; a file with more is no site file. */
const MAX_SHOWN = 100

/** Collects what is wrong with one file, so that all of it is told at once. */
export class Problems {
  readonly #file: string
  readonly #found: { readonly at: Position; readonly text: string }[] = []

  constructor(file: string) {
    this.#file = file
  }

  add(at: Position, text: string): void {
    this.#found.push({ at, text })
  }

  /** How many there are. */
  get count(): number {
    return this.#found.length
  }

  /** @throws ConfigError of one line `FILE:LINE:COLUMN: text` a problem, in the order of the file, when there is any */
  throwIfAny(): void {
    const lines = this.lines()
    if (lines.length > 0) throw new ConfigError(lines.join('\n'))
  }

  /** A line `FILE:LINE:COLUMN: text` a problem, in the order of the file. */
  lines(): string[] {
    const lines = new Set(
      this.#found
        .toSorted((a, b) => a.at.line - b.at.line || a.at.column - b.at.column)
        .map(({ at, text }) => `${where(this.#file, at)}: ${text}`),
    )
    const shown = [...lines].slice(0, MAX_SHOWN)
    if (lines.size > MAX_SHOWN) shown.push(`${this.#file}: ${lines.size - MAX_SHOWN} more problems`)
    return shown
  }
}

/** `FILE:LINE:COLUMN`, as editors and terminals take it. */
export function where(file: string, { line, column }: Position): string {
  return `${file}:${line}:${column}`
}
