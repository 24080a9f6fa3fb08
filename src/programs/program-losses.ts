import { counted } from '../core/counted.ts'
import type { Lab } from '../core/lab.ts'
import type { Hello } from './lines.ts'

/** The most kinds of lines reported. */
const MOST_KINDS = 20

/** Rows of a program that never came, and invalid lines: reported and counted. */
export class ProgramLosses {
  /** The present process, and the last row received from it. */
  #pid: number | undefined
  #taken = 0
  #unhanded = 0
  #leftOut = 0
  readonly #told = new Set<string>()
  #isCounted = false

  /**
   * A process begins: rows that its predecessor had numbered and that neither came nor were kept are lost.
   */
  begin({ pid, before }: Hello, lab: Lab): void {
    if (!this.#isCounted) lab.counters(() => ({ unhanded: this.#unhanded, quarantined: this.#leftOut }))
    this.#isCounted = true
    if (before) {
      const isKnown = before.pid === this.#pid
      const came = Math.max(before.safe, isKnown ? this.#taken : 0)
      const rows = Math.max(0, before.rows - came) + before.refused
      // Rows that another runtime took and did not answer may have been recorded.
      const how = isKnown ? '' : 'at most '
      this.#lose(
        rows,
        `${how}${counted(rows, 'row')} lost: the program was killed before handing them over`,
        lab,
      )
    }
    this.#pid = pid
    this.#taken = 0
  }

  /** A row has come. */
  took(number: number): void {
    this.#taken = number
  }

  /** A line is invalid; each kind is reported once. */
  leftOut(why: string, lab: Lab): void {
    this.#leftOut++
    if (this.#told.has(why) || this.#told.size > MOST_KINDS) return
    this.#told.add(why)
    const more = this.#told.size > MOST_KINDS ? '; other kinds are only counted' : ''
    lab.event('warning', 'quarantine', `a line of the program is ignored: ${why}${more}`)
  }

  /** The program had no room for rows. */
  refused(rows: number, lab: Lab): void {
    this.#lose(rows, `${counted(rows, 'row')} lost: the program could not keep more of them`, lab)
  }

  #lose(rows: number, text: string, lab: Lab): void {
    if (rows === 0) return
    this.#unhanded += rows
    lab.event('error', 'lost', text)
  }
}
