import { printable } from '../core/printable.ts'
import { type Context, draw } from './context.ts'

/** Redraws over its previous drawing on a terminal, whatever the terminal's present size. */
export class Redraw {
  readonly #context: Pick<Context, 'draw' | 'out' | 'err' | 'size'>
  #lines = 0

  constructor(context: Pick<Context, 'draw' | 'out' | 'err' | 'size'>) {
    this.#context = context
  }

  /** Lines are cut to the terminal's width: a wrapped line could not be overdrawn. */
  draw(all: readonly string[]): void {
    const { columns, rows } = this.#context.size()
    const lines = all.slice(0, rows - 1).map((line) => `${printable(line).slice(0, columns - 1)}\x1b[K\n`)
    const up = this.#lines > 0 ? `\x1b[${this.#lines}A` : ''
    draw(this.#context, `${up}${lines.join('')}\x1b[J`)
    this.#lines = lines.length
  }

  /** Something else has been printed: the next drawing goes below it. */
  leave(): void {
    this.#lines = 0
  }
}

/** Words on lines no wider than `width`, separated by commas, with `head` before the first. */
export function listed(head: string, words: readonly string[], width: number): string[] {
  const lines: string[] = []
  let line = head
  for (const [at, word] of words.entries()) {
    const more = at < words.length - 1 ? `${word},` : word
    if (line !== head && line.length + 1 + more.length > width) {
      lines.push(line)
      line = ' '.repeat(head.length)
    }
    line += ` ${more}`
  }
  return words.length === 0 ? [] : [...lines, line]
}
