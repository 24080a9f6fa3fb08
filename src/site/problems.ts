import { counted } from '../core/counted.ts'
import { ConfigError } from '../core/errors.ts'

/** A place in a site file; both count from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** So many problems are printed; a file with more is no site file. */
const MAX_SHOWN = 100

interface Found {
  readonly at: Position
  readonly text: string
  /** It concerns one part alone, which is told of it. */
  isApart: boolean
}

/** Collects what is wrong with one file, so that all of it is told at once. */
export class Problems {
  readonly #file: string
  readonly #found: Found[] = []
  #apart = false

  constructor(file: string) {
    this.#file = file
  }

  add(at: Position, text: string): void {
    this.#found.push({ at, text, isApart: this.#apart })
  }

  /**
   * Reads a part of the file that concerns itself alone: what is wrong with it spoils nothing else.
   * @param part where it is, for what was found there before
   * @returns what `read` gave, with a line for each problem of the part
   */
  apart<T>(
    part: { readonly at: Position; readonly end: Position },
    read: () => T,
  ): { value: T; faults: string[] } {
    const within = this.#found.filter(({ at }) => !isBefore(at, part.at) && isBefore(at, part.end))
    for (const found of within) found.isApart = true
    const [before, was] = [this.#found.length, this.#apart]
    this.#apart = true
    try {
      const value = read()
      return { value, faults: this.#lines([...within, ...this.#found.slice(before)]) }
    } finally {
      this.#apart = was
    }
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
    return this.#lines(this.#found)
  }

  /** The same of what concerns the file as a whole. */
  shared(): string[] {
    return this.#lines(this.#found.filter(({ isApart }) => !isApart))
  }

  #lines(found: readonly Found[]): string[] {
    const lines = new Set(
      found
        .toSorted((a, b) => a.at.line - b.at.line || a.at.column - b.at.column)
        .map(({ at, text }) => `${where(this.#file, at)}: ${text}`),
    )
    const shown = [...lines].slice(0, MAX_SHOWN)
    if (lines.size > MAX_SHOWN)
      shown.push(`${this.#file}: ${counted(lines.size - MAX_SHOWN, 'more problem')}`)
    return shown
  }
}

function isBefore(a: Position, b: Position): boolean {
  return a.line < b.line || (a.line === b.line && a.column < b.column)
}

/** `FILE:LINE:COLUMN`, as editors and terminals take it. */
export function where(file: string, { line, column }: Position): string {
  return `${file}:${line}:${column}`
}
