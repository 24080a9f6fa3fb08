import type { Bits } from './bits.ts'

/** A field of a data node, as a dashboard shows it. */
export interface ShownField {
  /** Its name in the node. */
  readonly name: string
  /** 'K', 'V', …; null if unknown. */
  readonly units: string | null
  readonly description?: string | undefined
  /** Lowest and highest valid value, in its units; null leaves that side open. */
  readonly range?: readonly [number | null, number | null] | undefined
  /** The smallest step between two values, in its units. */
  readonly resolution?: number | undefined
  /** Seconds between two samples, or two visits of a scanner. */
  readonly rhythm?: number | undefined
  /** For a sum of bits: the meaning of each, by its value. */
  readonly bits?: Bits | undefined
  /** The feed it comes from; '' if there is none. */
  readonly feed: string
}

/** A special dashboard for one kind of instrument: the two figures of the manual. */
export type Picture = 'diodes' | 'scanner'

/** A data node and the agent behind it: one row of the dashboards. */
export interface Shown {
  /** The start of its metric names. */
  readonly name: string
  readonly description: string
  /** Instance-id of the agent whose operations belong to it. */
  readonly instance?: string | undefined
  /** The special dashboard that the agent's class declares. */
  readonly dashboard?: Picture | undefined
  /** Its numeric fields; undefined while unknown, when patterns stand for them. */
  readonly fields: readonly ShownField[] | undefined
}
