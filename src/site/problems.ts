import { counted } from '../core/counted.ts'
import { ConfigError } from '../core/errors.ts'

/** A position in a site file; both count from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** The most problems printed; a file with more is not a site file. */
const MAX_SHOWN = 100

interface Found {
  readonly at: Position
  readonly text: string
  /** It concerns a single part, and is reported to that part. */
  isApart: boolean
}

/** Collects the problems of one file, so that all are reported together. */
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
   * Reads a part of the file that stands alone: its problems affect nothing else.
   * @param part its position, to find problems that were reported there before
   * @returns the result of `read`, with a line for each problem of the part
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

  /** The number of problems. */
  get count(): number {
    return this.#found.length
  }

  /** @throws ConfigError with a line `FILE:LINE:COLUMN: text` per problem, in file order, if there is any */
  throwIfAny(): void {
    const lines = this.lines()
    if (lines.length > 0) throw new ConfigError(lines.join('\n'))
  }

  /** A line `FILE:LINE:COLUMN: text` per problem, in file order. */
  lines(): string[] {
    return this.#lines(this.#found)
  }

  /** The lines of problems that concern the file as a whole. */
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

/** `FILE:LINE:COLUMN`, as editors and terminals understand it. */
export function where(file: string, { line, column }: Position): string {
  return `${file}:${line}:${column}`
}
