import type { Bits } from './bits.ts'

/** A field of a data node, as a dashboard shows it. */
export interface ShownField {
  /** Its name in the node. */
  readonly name: string
  /** 'K', 'V', …; null where nobody says. */
  readonly units: string | null
  readonly description?: string | undefined
  /** Lowest and highest valid value, in its units; null leaves that side open. */
  readonly range?: readonly [number | null, number | null] | undefined
  /** The least step between two values, in its units. */
  readonly resolution?: number | undefined
  /** Seconds between two samples, or two visits of a scanner. */
  readonly rhythm?: number | undefined
  /** Of a sum of bits: what each means, by its value. */
  readonly bits?: Bits | undefined
  /** The feed it comes from; '' where there is none. */
  readonly feed: string
}

/** A dashboard of an instrument's own: the two figures of the manual. */
export type Picture = 'diodes' | 'scanner'

/** A data node, and the agent behind it: a row of the dashboards. */
export interface Shown {
  /** What its metrics begin with. */
  readonly name: string
  readonly description: string
  /** Instance-id of the agent whose operations belong to it. */
  readonly instance?: string | undefined
  /** The picture of its own that the agent's class declares. */
  readonly dashboard?: Picture | undefined
  /** Its fields with numbers; undefined while nobody can say, when patterns stand for them. */
  readonly fields: readonly ShownField[] | undefined
}
