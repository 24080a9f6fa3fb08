import type { Block, Source } from './catalog.ts'
import { Table } from './table.ts'

/** One reading of one quantity. */
export interface Reading {
  readonly field: string
  readonly value: number
  readonly units: string
  readonly description: string
}

/** Measurements of the data node itself: numbers on one timeline. */
export class Sampled implements Source {
  readonly blocks: readonly [Block]
  readonly #about = new Map<string, Omit<Reading, 'value'>>()

  /**
   * @param name of the timeline
   * @param keep seconds of data to keep
   * @param rhythm seconds between two readings
   */
  constructor(name: string, keep: number, rhythm: number) {
    const describe = (field: string) => ({ ...this.#about.get(field), rhythm })
    this.blocks = [{ feed: name, name, table: new Table(keep), describe }]
  }

  /** Adds readings of one time (unix s); new quantities may appear at any time. */
  add(time: number, readings: readonly Reading[]): void {
    const { table } = this.blocks[0]
    const values = new Map<string, number>()
    for (const reading of readings) {
      values.set(reading.field, reading.value)
      if (this.#about.has(reading.field)) continue
      this.#about.set(reading.field, reading)
      table.declare(reading.field, 'number')
    }
    table.add(time, (field) => values.get(field))
  }
}
